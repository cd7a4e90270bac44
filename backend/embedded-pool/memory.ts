import type { GgufHeader } from '../gguf/index.ts'

/** An engine process without a model, and its buffers for computing with a small one. */
const PROCESS_BYTES = 163 * 1_048_576
/** For each token of the vocabulary: its text and tables, and a logit for each token of a batch of 512. */
const VOCABULARY_TOKEN_BYTES = 512 + 512 * 4
/** Of the keys and values that llama.cpp keeps by default. */
const CACHE_ELEMENT_BYTES = 2

/** A model that may have to leave memory for another. */
export interface Resident {
  readonly memoryBytes: number
  /** Requests that run. */
  readonly active: number
  /** Of the last request, by any clock. */
  readonly usedAt: number
}

/**
 * The residents that leave so that `neededBytes` fit: idle ones, the least recently used first, and no more than it
 * takes. `undefined` if the idle ones do not suffice.
 */
export function toEvict<T extends Resident>(
  residents: readonly T[],
  neededBytes: number,
  maxBytes: number,
): readonly T[] | undefined {
  let used = residents.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0)
  const leaving: T[] = []
  for (const resident of idleOf(residents)) {
    if (used + neededBytes <= maxBytes) break
    used -= resident.memoryBytes
    leaving.push(resident)
  }
  return used + neededBytes <= maxBytes ? leaving : undefined
}

/** The residents that may leave, the least recently used first. */
export function idleOf<T extends Resident>(residents: readonly T[]): readonly T[] {
  return residents.filter(({ active }) => active === 0).sort((a, b) => a.usedAt - b.usedAt)
}

/** Estimated memory of a model, by its file: weights, keys and values of all slots, vocabulary, and the process. */
export function estimatedBytes(
  header: GgufHeader,
  of: { readonly slots: number; readonly contextLength: number },
): number {
  const number = (key: string): number => {
    const family = header.metadata.get('general.architecture')?.value
    const value = header.metadata.get(`${family}.${key}`)?.value
    const first = Array.isArray(value) ? Math.max(0, ...value.map(Number)) : Number(value ?? 0)
    return Number.isFinite(first) ? first : 0
  }
  const heads = number('attention.head_count')
  const headSize = heads === 0 ? 0 : number('embedding_length') / heads
  const sharedHeads = number('attention.head_count_kv') || heads
  const keySize = number('attention.key_length') || headSize
  const valueSize = number('attention.value_length') || headSize
  const bytesPerToken =
    number('block_count') * sharedHeads * (keySize + valueSize) * CACHE_ELEMENT_BYTES
  // The engine keeps no longer context than the model was trained on.
  const contextLength = Math.min(of.contextLength, number('context_length') || of.contextLength)
  const embedding = header.tensors.find(({ name }) => name === 'token_embd.weight')
  const vocabularyBytes = (embedding?.shape[1] ?? 0) * VOCABULARY_TOKEN_BYTES
  return Math.round(
    header.fileBytes + bytesPerToken * contextLength * of.slots + vocabularyBytes + PROCESS_BYTES,
  )
}

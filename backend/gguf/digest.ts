import { createHash, type Hash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import { InferenceError } from '../../protocol/index.ts'
import type { GgufHeader } from './read-header.ts'

const READ_BYTES = 1_048_576

/**
 * Digest of a model's weights and tokenizer: equal for two files with the same tensors and the same vocabulary, however
 * their other metadata, chat template, order or padding differ. sha256 over
 *
 * - the ASCII bytes `skein-weights-1` and a zero byte
 * - the number of tensors; then for each, sorted by the bytes of its name: name, type, number of dimensions, the
 *   dimensions as the file has them, length of the data without padding, data
 * - the number of keys that begin with `tokenizer.ggml.`; then for each, sorted by the bytes of the key: key, value
 *   type, length of the value, the value as GGUF writes it (arrays with their own type and count)
 *
 * Numbers are unsigned 64-bit little-endian, names are preceded by their length in bytes. The chat template is
 * `tokenizer.chat_template` and so stays out.
 *
 * @returns `sha256:` and 64 hex digits.
 * @throws InferenceError `invalid_request` where the file has a tensor type that is not known.
 */
export async function weightsDigest(
  path: string,
  header: GgufHeader,
  options: { readonly signal?: AbortSignal } = {},
): Promise<string> {
  const hash = createHash('sha256').update('skein-weights-1\0', 'latin1')
  const file = await open(path)
  try {
    const tensors = sortedByBytes(header.tensors, ({ name }) => name)
    hash.update(uint64(tensors.length))
    for (const { name, type, shape, offset, bytes } of tensors) {
      if (bytes === undefined) {
        throw new InferenceError('invalid_request', `tensor '${name}' has the unknown type ${type}`)
      }
      updateName(hash, name)
      for (const number of [type, shape.length, ...shape, bytes]) hash.update(uint64(number))
      await updateRange(hash, file, offset, bytes, options.signal)
    }
    const keys = sortedByBytes(
      [...header.metadata].filter(([key]) => key.startsWith('tokenizer.ggml.')),
      ([key]) => key,
    )
    hash.update(uint64(keys.length))
    for (const [key, { type, offset, bytes }] of keys) {
      updateName(hash, key)
      hash.update(uint64(type)).update(uint64(bytes))
      await updateRange(hash, file, offset, bytes, options.signal)
    }
  } finally {
    await file.close()
  }
  return `sha256:${hash.digest('hex')}`
}

function sortedByBytes<T>(items: readonly T[], nameOf: (item: T) => string): T[] {
  return items
    .map((item) => ({ item, bytes: Buffer.from(nameOf(item)) }))
    .sort((a, b) => Buffer.compare(a.bytes, b.bytes))
    .map(({ item }) => item)
}

function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(value))
  return bytes
}

function updateName(hash: Hash, name: string): void {
  const bytes = Buffer.from(name)
  hash.update(uint64(bytes.length)).update(bytes)
}

async function updateRange(
  hash: Hash,
  file: FileHandle,
  offset: number,
  bytes: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const buffer = Buffer.allocUnsafe(Math.min(bytes, READ_BYTES))
  for (let done = 0; done < bytes; ) {
    signal?.throwIfAborted()
    const wanted = Math.min(buffer.length, bytes - done)
    const { bytesRead } = await file.read(buffer, 0, wanted, offset + done)
    if (bytesRead === 0) {
      throw new InferenceError('invalid_request', 'the model file became shorter while it was read')
    }
    hash.update(buffer.subarray(0, bytesRead))
    done += bytesRead
  }
}

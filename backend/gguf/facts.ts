import { createHash } from 'node:crypto'
import type { GgufHeader } from './read-header.ts'
import { quantizationName } from './types.ts'

/** What a GGUF file says of its model. */
export interface GgufFacts {
  /** `general.architecture`, e.g. `llama`. */
  readonly family: string
  readonly name: string
  /** Elements of all tensors. */
  readonly parameters: number
  /** e.g. `Q4_K_M`; empty where the file does not say. */
  readonly quantization: string
  /** Tokens that the model was trained on; 0 where the file does not say. */
  readonly contextLength: number
  readonly chatTemplate?: string
  /** `sha256:` of the chat template; empty without one. */
  readonly templateHash: string
  /** The model embeds text and does not write any. */
  readonly embeddingOnly: boolean
}

/** Architectures without a decoder: an encoder's output is an embedding. */
const ENCODERS = /bert|t5encoder|gemma-embedding/

/** Reads a model's advertised facts from its file header; missing values are empty or 0. */
export function ggufFacts(header: GgufHeader): GgufFacts {
  const text = (key: string): string => {
    const value = header.metadata.get(key)?.value
    return typeof value === 'string' ? value : ''
  }
  const family = text('general.architecture')
  const contextLength = header.metadata.get(`${family}.context_length`)?.value
  const chatTemplate = text('tokenizer.chat_template')
  return {
    family,
    name: text('general.name'),
    parameters: header.tensors.reduce(
      (sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1),
      0,
    ),
    quantization: quantizationName(header.metadata.get('general.file_type')?.value),
    contextLength:
      typeof contextLength === 'number' ? contextLength : Number(contextLength ?? 0) || 0,
    ...(chatTemplate !== '' && { chatTemplate }),
    templateHash:
      chatTemplate === ''
        ? ''
        : `sha256:${createHash('sha256').update(chatTemplate).digest('hex')}`,
    embeddingOnly: ENCODERS.test(family),
  }
}

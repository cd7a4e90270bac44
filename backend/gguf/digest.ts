import { open } from 'node:fs/promises'
import { InferenceError } from '../../protocol/index.ts'
import { sortedByBytes, WeightsHash } from '../weights-hash.ts'
import type { GgufHeader } from './read-header.ts'

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
 * `tokenizer.chat_template` and so not included.
 *
 * @returns `sha256:` and 64 hex digits.
 * @throws InferenceError `invalid_request` for an unknown tensor type.
 */
export async function ggufDigest(
  path: string,
  header: GgufHeader,
  options: { readonly signal?: AbortSignal } = {},
): Promise<string> {
  const hash = new WeightsHash('skein-weights-1')
  const file = await open(path)
  try {
    const tensors = sortedByBytes(header.tensors, ({ name }) => name)
    hash.number(tensors.length)
    for (const { name, type, shape, offset, bytes } of tensors) {
      if (bytes === undefined) {
        throw new InferenceError('invalid_request', `tensor '${name}' has the unknown type ${type}`)
      }
      hash.name(name).number(type, shape.length, ...shape, bytes)
      await hash.range(file, offset, bytes, options)
    }
    const keys = sortedByBytes(
      [...header.metadata].filter(([key]) => key.startsWith('tokenizer.ggml.')),
      ([key]) => key,
    )
    hash.number(keys.length)
    for (const [key, { type, offset, bytes }] of keys) {
      hash.name(key).number(type, bytes)
      await hash.range(file, offset, bytes, options)
    }
  } finally {
    await file.close()
  }
  return hash.digest()
}

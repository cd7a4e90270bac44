import { type FileHandle, open } from 'node:fs/promises'
import { basename } from 'node:path'
import { InferenceError } from '../../protocol/index.ts'
import { sortedByBytes, WeightsHash } from '../weights-hash.ts'
import { readSafetensorsHeader, type SafeTensor } from './read-header.ts'
import type { WeightsFolder } from './weights-folder.ts'

/**
 * Digest of weights as safetensors, and of their tokenizer: equal for two folders with the same tensors, however they
 * are cut into files. sha256 over
 *
 * - the ASCII bytes `skein-safetensors-1` and a zero byte
 * - the number of tensors; then for each, sorted by the bytes of its name: name, type as the format names it, number of
 *   dimensions, the dimensions, length of the data, data
 * - the tokenizer's file: name, length, the file as it is
 *
 * Numbers are unsigned 64-bit little-endian, names are preceded by their length in bytes. The same model as a GGUF has
 * another digest: its tensors have other names, and often other numbers.
 *
 * @returns `sha256:` and 64 hex digits.
 * @throws InferenceError `invalid_request` for files that are not safetensors, or list a tensor twice
 */
export async function safetensorsDigest(
  { weights, tokenizer }: WeightsFolder,
  options: { readonly signal?: AbortSignal } = {},
): Promise<string> {
  const hash = new WeightsHash('skein-safetensors-1')
  const files: FileHandle[] = []
  try {
    const tensors: (SafeTensor & { readonly file: FileHandle })[] = []
    for (const path of weights) {
      const file = await open(path)
      files.push(file)
      for (const tensor of await readSafetensorsHeader(file)) tensors.push({ ...tensor, file })
    }
    if (new Set(tensors.map(({ name }) => name)).size < tensors.length) {
      throw new InferenceError('invalid_request', 'the weights list a tensor twice')
    }
    hash.number(tensors.length)
    for (const { name, type, shape, offset, bytes, file } of sortedByBytes(
      tensors,
      (tensor) => tensor.name,
    )) {
      hash
        .name(name)
        .name(type)
        .number(shape.length, ...shape, bytes)
      await hash.range(file, offset, bytes, options)
    }
    const file = await open(tokenizer)
    files.push(file)
    const { size } = await file.stat()
    hash.name(basename(tokenizer)).number(size)
    await hash.range(file, 0, size, options)
  } finally {
    await Promise.all(files.map((file) => file.close()))
  }
  return hash.digest()
}

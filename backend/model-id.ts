import { basename } from 'node:path'
import { normalizeModelId } from '../protocol/index.ts'

const QUANTIZATION_SUFFIX = /[-._](i?q\d\w*|b?f16|f32|fp16|mxfp4)$/i

/** Name of a GGUF file without its ending. It tells quantizations of one model apart. */
export function modelFileName(path: string): string {
  return normalizeModelId(basename(path).replace(/\.gguf$/i, ''))
}

/** Id under which a GGUF file is served, unless its owner names another: its name without the quantization. */
export function modelIdOf(path: string): string {
  return modelFileName(path).replace(QUANTIZATION_SUFFIX, '')
}

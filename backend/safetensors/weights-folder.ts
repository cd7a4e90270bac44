import { readdir, readFile, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import * as z from 'zod'
import { InferenceError } from '../../protocol/index.ts'
import { sortedByBytes } from '../weights-hash.ts'

const INDEX = 'model.safetensors.index.json'
/** In the order in which engines look for them. */
const TOKENIZERS = ['tokenizer.json', 'tokenizer.model', 'vocab.json'] as const

const indexFile = z.object({ weight_map: z.record(z.string(), z.string()) })

/** Files of a model's folder that an engine loads. */
export interface WeightsFolder {
  /** Paths of the files with tensors. */
  readonly weights: readonly string[]
  readonly tokenizer: string
}

/**
 * Which files of a folder in Hugging Face's layout make up the model: those that the index names, where there is one;
 * else the only ones. Folders may hold the same weights a second time in another layout, which is not loaded.
 *
 * @throws InferenceError `invalid_request` if they cannot be determined
 */
export async function findWeights(folder: string): Promise<WeightsFolder> {
  const names = await readdir(folder)
  const tokenizer = TOKENIZERS.find((name) => names.includes(name))
  if (tokenizer === undefined) throw notAModel(folder, 'it has no tokenizer')
  const files = names.includes(INDEX)
    ? await indexed(folder)
    : names.filter((name) => name.endsWith('.safetensors'))
  const isWhole = names.includes(INDEX) || files.length === 1
  const single = isWhole ? files : files.filter((name) => name === 'model.safetensors')
  if (single.length === 0)
    throw notAModel(folder, 'it has no safetensors, or several without index')
  return { weights: single.map((name) => join(folder, name)), tokenizer: join(folder, tokenizer) }
}

async function indexed(folder: string): Promise<string[]> {
  const text = await readFile(join(folder, INDEX), 'utf8')
  const parsed = indexFile.safeParse(JSON.parse(text))
  if (!parsed.success) throw notAModel(folder, `its ${INDEX} lists no files`)
  const names = [...new Set(Object.values(parsed.data.weight_map))]
  if (names.some((name) => basename(name) !== name)) {
    throw notAModel(folder, `its ${INDEX} lists files outside of the folder`)
  }
  return names
}

/** Changes whenever one of the files does. */
export async function folderState({ weights, tokenizer }: WeightsFolder): Promise<unknown> {
  const files = sortedByBytes([...weights, tokenizer], (path) => path)
  return await Promise.all(
    files.map(async (path) => {
      const { size, mtimeMs } = await stat(path)
      return [basename(path), size, mtimeMs]
    }),
  )
}

function notAModel(folder: string, why: string): InferenceError {
  return new InferenceError('invalid_request', `${folder} is not a readable model: ${why}`)
}

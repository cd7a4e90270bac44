import { countAt, isAbsent, listAt, recordAt, WrongShape, wrongShape } from './field.ts'

/**
 * The vectors of a list of `count` items, in the order of the inputs: by `index` if the engine sends it, which is for
 * every item or for none.
 *
 * @throws InferenceError `engine_failed`, also for one that is missing, repeated, or of another length
 */
export function vectorsOf(data: unknown, count: number, path: string): readonly number[][] {
  const items = listAt(data, path).map((item, at) => recordAt(item, `${path}.${at}`))
  if (items.length !== count) {
    throw new WrongShape(`the engine sent ${items.length} embeddings for ${count} inputs`, path)
  }
  const hasIndexes = items.some(({ index }) => !isAbsent(index))
  const vectors = new Map<number, number[]>()
  for (const [at, { index, embedding }] of items.entries()) {
    const where = `${path}.${at}`
    const place = hasIndexes ? countAt(index, `${where}.index`) : at
    if (place === undefined || place >= count || vectors.has(place)) {
      throw wrongShape(`${where}.index`, index, `each number from 0 to ${count - 1} once`)
    }
    vectors.set(place, vectorAt(embedding, `${where}.embedding`))
  }
  const ordered = Array.from({ length: count }, (_, at) => vectors.get(at) ?? [])
  const [length = 0] = ordered.map((vector) => vector.length)
  const odd = ordered.findIndex((vector) => vector.length !== length)
  if (odd < 0) return ordered
  throw new WrongShape('the engine sent embeddings of different lengths', path)
}

/**
 * Numbers, or the same as base64 of 32-bit floats. One row in a list of rows is that row (llama.cpp); more are tokens that
 * were not pooled.
 *
 * @throws InferenceError `engine_failed`
 */
function vectorAt(value: unknown, path: string): number[] {
  if (typeof value === 'string') return packed(value, path)
  const list = listAt(value, path)
  const numbers = list.length === 1 && Array.isArray(list[0]) ? (list[0] as unknown[]) : list
  if (numbers.length > 0 && numbers.every((one) => typeof one === 'number' && Number.isFinite(one)))
    return numbers as number[]
  throw wrongShape(path, value, 'a list of numbers, or base64')
}

function packed(text: string, path: string): number[] {
  const bytes = Buffer.from(text, 'base64')
  const numbers = Array.from({ length: Math.floor(bytes.length / 4) }, (_, at) =>
    bytes.readFloatLE(at * 4),
  )
  const isWhole = bytes.length > 0 && bytes.length % 4 === 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(text)
  if (isWhole && numbers.every(Number.isFinite)) return numbers
  throw wrongShape(path, text, 'a list of numbers, or base64 of 32-bit floats')
}

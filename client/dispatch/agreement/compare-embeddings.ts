import type { Comparison } from './comparable-answer.ts'

/** Least cosine of vectors that count as equal: half precision and reordered sums cost less. Our choice. */
const MIN_SAME = 0.999
/** Coarser weights of the same model may differ by this much. Our choice. */
const MIN_TOLERATED = 0.99

/** By the least cosine between vectors of the same input. Magnitudes are not compared: some engines normalise, some do not. */
export function compareEmbeddings(
  a: readonly (readonly number[])[],
  b: readonly (readonly number[])[],
): Comparison {
  if (a.length !== b.length) return 'different'
  let least = 1
  for (const [index, vector] of a.entries()) {
    const similarity = cosine(vector, b[index] ?? [])
    // Not `<`: what is not a number is not similar.
    if (!(similarity >= MIN_TOLERATED)) return 'different'
    least = Math.min(least, similarity)
  }
  return least >= MIN_SAME ? 'same' : 'tolerated'
}

/** NaN for vectors of different dimensions, and for a zero vector beside another. */
function cosine(a: readonly number[], b: readonly number[]): number {
  if (a.length !== b.length) return Number.NaN
  let [dot, squaresA, squaresB] = [0, 0, 0]
  for (const [index, x] of a.entries()) {
    const y = b[index] ?? Number.NaN
    dot += x * y
    squaresA += x * x
    squaresB += y * y
  }
  if (squaresA === 0 && squaresB === 0) return 1
  return dot / (Math.sqrt(squaresA) * Math.sqrt(squaresB))
}

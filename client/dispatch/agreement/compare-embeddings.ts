import type { Comparison } from './comparable-answer.ts'

/** Lowest cosine of vectors that count as equal; half precision and reordered sums cost less. Our choice. */
const MIN_SAME = 0.999
/** Lowest cosine that is tolerated, for coarser weights of the same model. Our choice. */
const MIN_TOLERATED = 0.99

/** Judges by the lowest cosine between vectors of one input. Magnitudes are ignored: only some engines normalise. */
export function compareEmbeddings(
  a: readonly (readonly number[])[],
  b: readonly (readonly number[])[],
): Comparison {
  if (a.length !== b.length) return 'different'
  let least = 1
  for (const [index, vector] of a.entries()) {
    const similarity = cosine(vector, b[index] ?? [])
    // Not `<`: NaN must count as different.
    if (!(similarity >= MIN_TOLERATED)) return 'different'
    least = Math.min(least, similarity)
  }
  return least >= MIN_SAME ? 'same' : 'tolerated'
}

/** NaN for vectors of different dimensions, and if exactly one of them is zero. */
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

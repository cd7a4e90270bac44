import { encodeTokens } from '../../backend/index.ts'

/** How an answer differs from the right one, in tokens. Both zero: it is the right one. */
export interface Difference {
  readonly lost: number
  readonly doubled: number
}

/**
 * Counts the tokens of the right answer that are missing, and those that are too many (doubled or made up), by the
 * longest common subsequence. An answer that ended in an error is held against as much of the right one as it had got to.
 */
export function differenceOf(
  expected: string,
  received: string,
  end: 'complete' | 'failed',
): Difference {
  if (end === 'complete' && received === expected) return { lost: 0, doubled: 0 }
  if (end === 'failed' && expected.startsWith(received)) return { lost: 0, doubled: 0 }
  const right = encodeTokens(expected)
  const got = encodeTokens(received)
  const { length, reached } = commonSubsequence(right, got)
  const due = end === 'complete' ? right.length : reached
  return { lost: due - length, doubled: got.length - length }
}

/** Its length, and how far into `right` it reaches. */
function commonSubsequence(
  right: readonly number[],
  got: readonly number[],
): { readonly length: number; readonly reached: number } {
  // best[i]: longest for the first i tokens of `right` and those of `got` seen so far.
  let best = new Array<number>(right.length + 1).fill(0)
  for (const token of got) {
    const next = [0]
    for (const [i, due] of right.entries()) {
      next.push(due === token ? (best[i] ?? 0) + 1 : Math.max(best[i + 1] ?? 0, next[i] ?? 0))
    }
    best = next
  }
  const length = best.at(-1) ?? 0
  return { length, reached: best.indexOf(length) }
}

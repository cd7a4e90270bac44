import type { ErrorKind, InferenceError } from '../../protocol/index.ts'

/** The earliest time at which one of the failed peers accepts work again; empty if none of the errors names one. */
export function soonestRetry(errors: readonly InferenceError[]): { retryAfterMs?: number } {
  const times = errors.flatMap(({ retryAfterMs }) => retryAfterMs ?? [])
  return times.length === 0 ? {} : { retryAfterMs: Math.min(...times) }
}

/** A kind of failure, or a test for failures. */
export type Rank = ErrorKind | ((error: InferenceError) => boolean)

/**
 * Which of several failures is reported to the caller: the first one of the first rank that has any, else the first one.
 *
 * @param newest the newest failure first
 * @returns undefined without failures
 */
export function highestRanked(
  newest: readonly InferenceError[],
  ranks: readonly Rank[],
): InferenceError | undefined {
  for (const rank of ranks) {
    const found = newest.find((error) =>
      typeof rank === 'string' ? error.traits.kind === rank : rank(error),
    )
    if (found !== undefined) return found
  }
  return newest[0]
}

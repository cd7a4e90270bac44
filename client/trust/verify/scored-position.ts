/** A token of an answer as rated by another engine. Natural logarithms, at temperature 1. */
export interface ScoredPosition {
  readonly id: number
  /** Null if the token is too unlikely for the engine to report. */
  readonly logprob: number | null
  /** The most likely tokens, in order. */
  readonly top: readonly { readonly id: number; readonly logprob: number }[]
}

/** Distance below the most likely token, in nats. Infinite if the engine does not report the token. */
export function marginOf({ id, logprob, top }: ScoredPosition): number {
  const [first] = top
  if (first === undefined || first.id === id) return 0
  return logprob === null ? Number.POSITIVE_INFINITY : Math.max(0, first.logprob - logprob)
}

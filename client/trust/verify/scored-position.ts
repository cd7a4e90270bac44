/** A token of an answer as an engine that did not write it rates it. Natural logarithms, at temperature 1. */
export interface ScoredPosition {
  readonly id: number
  /** Absent where the engine does not tell so unlikely a token. */
  readonly logprob: number | null
  /** The likeliest, first to last. */
  readonly top: readonly { readonly id: number; readonly logprob: number }[]
}

/** How far below the likeliest token it is, in nats. Infinite where the engine does not tell. */
export function marginOf({ id, logprob, top }: ScoredPosition): number {
  const [first] = top
  if (first === undefined || first.id === id) return 0
  return logprob === null ? Number.POSITIVE_INFINITY : Math.max(0, first.logprob - logprob)
}

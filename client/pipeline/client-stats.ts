/** What a client is doing, and what it may still spend. */
export interface ClientStats {
  /** Attempts under way. */
  readonly inFlight: number
  /** Retries and hedges left, fractions included. */
  readonly retryBudget: number
  /** Resumes that may begin now, fractions included. */
  readonly resumeReserve: number
  /** What checking took: answers that were rated, tokens that engines read for it, and canaries that were sent. */
  readonly audits: { readonly answers: number; readonly tokens: number; readonly canaries: number }
  /** Peers that serve a model: known in all, those connected to, and those left alone for having failed in a row. */
  readonly peers: { readonly known: number; readonly connected: number; readonly ejected: number }
}

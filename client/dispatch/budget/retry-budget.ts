/** Sums of binary fractions miss whole numbers by less than this. */
const ROUNDING = 1e-9

export interface RetryBudgetInit {
  /** Retries and hedges that a client may make before any request was answered. @default 10: a fresh client's first peers may all be bad */
  readonly initial?: number
  /** @default 0.15: retries and hedges add at most 15 % to the work of a swarm that is well */
  readonly earnedPerSuccess?: number
  /** @default 100: what was earned in good times cannot feed a storm */
  readonly max?: number
}

/**
 * What one client may spend on retries and hedges. A token bucket that successes fill, not time: when nothing succeeds
 * any more, retries cease, so they cannot keep an overload alive (Bronson et al., "Metastable Failures in Distributed
 * Systems", HotOS 2021). The share follows Finagle's `RetryBudget` (20 %) and gRPC's retry throttling (A6, 10 %).
 */
export class RetryBudget {
  readonly #earnedPerSuccess: number
  readonly #max: number
  #balance: number

  constructor(init: RetryBudgetInit = {}) {
    this.#earnedPerSuccess = init.earnedPerSuccess ?? 0.15
    this.#max = init.max ?? 100
    this.#balance = Math.min(init.initial ?? 10, this.#max)
  }

  /** Pays for one retry or hedge. False, and nothing paid, where less than one is left. */
  take(): boolean {
    if (this.#balance < 1 - ROUNDING) return false
    this.#balance = Math.max(0, this.#balance - 1)
    return true
  }

  /** Earns for one answered request, however many attempts it took. */
  succeeded(): void {
    this.#balance = Math.min(this.#max, this.#balance + this.#earnedPerSuccess)
  }

  /** Retries and hedges left, fractions included. */
  get balance(): number {
    return this.#balance
  }
}

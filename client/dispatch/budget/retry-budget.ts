/** Tolerance for floating-point sums that should be whole numbers. */
const ROUNDING = 1e-9

export interface RetryBudgetInit {
  /** Retries and hedges before any request was answered. @default 10: a new client's first peers may all be bad */
  readonly initial?: number
  /** @default 0.15: retries and hedges add at most 15 % to the work of a healthy swarm */
  readonly earnedPerSuccess?: number
  /** @default 100: a balance earned in good times cannot feed a retry storm */
  readonly max?: number
}

/**
 * One client's budget for retries and hedges: a token bucket that is filled by successes, not by time. When nothing
 * succeeds any more, retries stop, so they cannot sustain an overload (Bronson et al., "Metastable Failures in
 * Distributed Systems", HotOS 2021). The share follows Finagle's `RetryBudget` (20 %) and gRPC's retry throttling (A6, 10 %).
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

  /** Pays for one retry or hedge. Returns false and takes nothing if less than one is left. */
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

import { InferenceError } from '../../../protocol/index.ts'
import { type Clock, systemClock } from '../../../timing/index.ts'

/** Resumes that may wait at once; further ones are refused. */
const MAX_WAITING = 1_024
/** Retry time of a refusal: by then a lease or two have been returned. */
const RETRY_AFTER_MS = 1_000

export interface ResumeReserveInit {
  /** Resumes that may be in progress before any request was answered. @default 20 */
  readonly initial?: number
  /** @default 0.5 */
  readonly earnedPerAnswer?: number
  /** @default 100 */
  readonly max?: number
  /** Longest wait for a lease, which the caller sees as a pause. @default 5_000: a resume takes less */
  readonly waitMs?: number
  /** @default the machine's */
  readonly clock?: Clock
}

/** The right to one resume. Only the first call counts; without any call the token is lost. */
export interface ResumeLease {
  /** The answer continues: returns the token. */
  succeeded(): void
  /** The resume failed: the token is spent. */
  failed(): void
}

interface Waiter {
  readonly grant: () => void
}

/**
 * One client's budget for resumes. It is separate from the retry budget, as a begun answer is worth finishing. A
 * successful resume returns its token, a failed one spends it. So if one peer fails, a hundred of its answers move to
 * others a few at a time, and if all peers fail, the resumes stop.
 */
export class ResumeReserve {
  readonly #earnedPerAnswer: number
  readonly #max: number
  readonly #waitMs: number
  readonly #clock: Clock
  /** In order of arrival. Empty unless the balance is below one. */
  readonly #waiting = new Set<Waiter>()
  #balance: number

  constructor(init: ResumeReserveInit = {}) {
    this.#earnedPerAnswer = init.earnedPerAnswer ?? 0.5
    this.#max = init.max ?? 100
    this.#waitMs = init.waitMs ?? 5_000
    this.#clock = init.clock ?? systemClock
    this.#balance = Math.min(init.initial ?? 20, this.#max)
  }

  /** Resumes that may begin now, fractions included. */
  get balance(): number {
    return this.#balance
  }

  /**
   * Waits for a lease until one is free, returned or earned; first come, first served.
   *
   * @throws InferenceError `budget_exhausted` after `waitMs`, or at once if 1,024 already wait
   * @throws the signal's reason
   */
  acquire(options: { signal: AbortSignal }): Promise<ResumeLease> {
    const { signal } = options
    if (signal.aborted) return Promise.reject(signal.reason)
    if (this.#balance >= 1) {
      this.#balance -= 1
      return Promise.resolve(this.#lease())
    }
    if (this.#waiting.size >= MAX_WAITING) {
      return Promise.reject(exhausted(`${MAX_WAITING} others wait for the same`))
    }
    const { promise, resolve, reject } = Promise.withResolvers<ResumeLease>()
    const leave = () => {
      timer[Symbol.dispose]()
      signal.removeEventListener('abort', onAbort)
      this.#waiting.delete(waiter)
    }
    const waiter: Waiter = {
      grant: () => {
        leave()
        resolve(this.#lease())
      },
    }
    const onAbort = () => {
      leave()
      reject(signal.reason)
    }
    const timer = this.#clock.after(this.#waitMs, () => {
      leave()
      reject(exhausted(`none came free within ${this.#waitMs} ms`))
    })
    signal.addEventListener('abort', onAbort, { once: true })
    this.#waiting.add(waiter)
    return promise
  }

  /** Earns for one answered request. */
  answered(): void {
    this.#earn(this.#earnedPerAnswer)
  }

  #lease(): ResumeLease {
    let open = true
    const settle = (tokens: number) => {
      if (!open) return
      open = false
      this.#earn(tokens)
    }
    return { succeeded: () => settle(1), failed: () => settle(0) }
  }

  #earn(tokens: number): void {
    this.#balance = Math.min(this.#max, this.#balance + tokens)
    for (const waiter of this.#waiting) {
      if (this.#balance < 1) return
      this.#balance -= 1
      waiter.grant()
    }
  }
}

function exhausted(why: string): InferenceError {
  return new InferenceError(
    'budget_exhausted',
    `the answer broke off and may not go on elsewhere yet: too many resumes are under way or led nowhere, and ${why}`,
    { retryAfterMs: RETRY_AFTER_MS },
  )
}

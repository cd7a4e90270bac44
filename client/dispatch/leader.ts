import type { RequestLimits } from '../request/index.ts'
import type { AttemptRun } from './attempt-run.ts'
import { Pace } from './pace.ts'

/** The attempt whose pieces go to the caller: its pace, and whether its next piece may be read. */
export class Leader {
  readonly #limits: RequestLimits
  #pace: Pace
  #attempt: AttemptRun | undefined
  #isTooSlow = false
  #isPaused = false
  #isReadDue = false
  /** Further pieces arrived with the newest one. */
  #hasMore: boolean = false

  constructor(limits: RequestLimits) {
    this.#limits = limits
    this.#pace = new Pace(limits)
  }

  /** The attempt that sent the newest delivered piece; it may have ended. */
  get attempt(): AttemptRun | undefined {
    return this.#attempt
  }

  /** It is not read because it is too slow, and another attempt is tried. */
  get isPaused(): boolean {
    return this.#isPaused
  }

  lead(attempt: AttemptRun): void {
    this.#attempt = attempt
    this.#isPaused = false
    this.#isTooSlow = false
    this.#pace = new Pace(this.#limits)
  }

  /** The answer starts again. */
  reset(): void {
    this.#attempt = undefined
  }

  pause(): void {
    this.#isPaused = true
  }

  /** Reading starts again, and so does the wait: the leader was not read in the meantime. */
  unpause(): void {
    this.#isPaused = false
    this.#isReadDue = true
  }

  /**
   * Records a piece of the leader.
   *
   * @param tokens 0 for an empty piece, which is no progress
   * @param hasMore whether further pieces arrived with it
   */
  received(gapMs: number, tokens: number, hasMore: boolean): void {
    if (this.#pace.waited(gapMs, tokens)) this.#isTooSlow = true
    this.#hasMore = hasMore
  }

  /** The newest piece is on its way to the caller; after that the next one may be read. */
  readLater(): void {
    this.#isReadDue = true
  }

  /** Whether a read is due. Resets it. */
  takeDueRead(): boolean {
    const isDue = this.#isReadDue
    this.#isReadDue = false
    return isDue
  }

  /** Whether the leader was too slow over a full window; known when all that arrived was taken. Resets it. */
  takeTooSlow(): boolean {
    if (this.#hasMore) return false
    const isTooSlow = this.#isTooSlow
    this.#isTooSlow = false
    return isTooSlow
  }

  /** An action was taken on a stall: within the same gap the next one waits twice as long. */
  stalled(): void {
    this.#pace.stalled()
  }

  /** Gap from which the leader counts as stalled. */
  stallMs(): number {
    return this.#pace.stallMs()
  }
}

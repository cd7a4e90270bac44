/** Interval between pings. */
const INTERVAL_MS = 1_500
/** The same while it has no work. */
const REST_MS = 6_000
const MAX_MISSED = 5
/** Unanswered pings after which it gets no new work. */
const DOUBTFUL = 2

export interface HeartbeatInit {
  readonly ask: () => void
  /** Called once. */
  readonly onHung: () => void
  /** Unanswered pings in a row after which the other side counts as hung. @default 5: within nine seconds, at rest within 18 */
  readonly maxMissed?: number
  /** Whether the other side has no work: it is asked less often. @default it always has */
  readonly isAtRest?: () => boolean
}

/**
 * Detects a process that is alive but does nothing: its event loop is blocked, or it was stopped. Pings without an
 * answer are counted instead of time, so that a machine that slept, or is slow, does not look like a hang.
 */
export class Heartbeat implements Disposable {
  readonly #init: HeartbeatInit
  #timer: NodeJS.Timeout | undefined
  #rests: boolean = false
  #missed: number = 0

  constructor(init: HeartbeatInit) {
    this.#init = init
    this.#next()
  }

  /** Whether enough pings are unanswered that it may hang. */
  get isDoubtful(): boolean {
    return this.#missed > DOUBTFUL
  }

  /** Call for any message from the other side. */
  heard(): void {
    this.#missed = 0
  }

  /** Call when the other side gets work. */
  wake(): void {
    if (!this.#rests) return
    clearTimeout(this.#timer)
    this.#next()
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
    this.#rests = false
  }

  #next(): void {
    const { isAtRest } = this.#init
    // The ping that was just sent counts as missed until its answer.
    this.#rests = this.#missed <= 1 && isAtRest?.() === true
    this.#timer = setTimeout(() => this.#beat(), this.#rests ? REST_MS : INTERVAL_MS)
    this.#timer.unref()
  }

  #beat(): void {
    const { ask, onHung, maxMissed = MAX_MISSED } = this.#init
    this.#missed += 1
    if (this.#missed > maxMissed) {
      this[Symbol.dispose]()
      onHung()
      return
    }
    this.#next()
    ask()
  }
}

/** Interval between pings. */
const INTERVAL_MS = 1_500
const MAX_MISSED = 5
/** Unanswered pings after which it gets no new work. */
const DOUBTFUL = 2

export interface HeartbeatInit {
  readonly ask: () => void
  /** Called once. */
  readonly onHung: () => void
  readonly intervalMs?: number
  /** Unanswered pings in a row after which the other side counts as hung. @default 5: within nine seconds */
  readonly maxMissed?: number
}

/**
 * Detects a process that is alive but does nothing: its event loop is blocked, or it was stopped. Pings without an
 * answer are counted instead of time, so that a machine that slept, or is slow, does not look like a hang.
 */
export class Heartbeat implements Disposable {
  readonly #timer: NodeJS.Timeout
  #missed = 0

  constructor({ ask, onHung, intervalMs = INTERVAL_MS, maxMissed = MAX_MISSED }: HeartbeatInit) {
    this.#timer = setInterval(() => {
      this.#missed += 1
      if (this.#missed > maxMissed) {
        this[Symbol.dispose]()
        onHung()
      } else ask()
    }, intervalMs)
    this.#timer.unref()
  }

  /** Whether enough pings are unanswered that it may hang. */
  get isDoubtful(): boolean {
    return this.#missed > DOUBTFUL
  }

  /** Call for any message from the other side. */
  heard(): void {
    this.#missed = 0
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }
}

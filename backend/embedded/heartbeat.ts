/** Between two questions whether the other side is there. */
const INTERVAL_MS = 1_500
/** After so many in a row without an answer it hangs: within nine seconds. */
const MAX_MISSED = 5
/** After so many it is not given new work. */
const DOUBTFUL = 2

export interface HeartbeatInit {
  readonly ask: () => void
  /** Called once. */
  readonly onHung: () => void
  readonly intervalMs?: number
}

/**
 * Notices a process that is alive and does nothing: its loop is blocked, or it was stopped. Questions without an
 * answer are counted instead of time, so that a machine that slept, or is slow, does not look like a hang.
 */
export class Heartbeat implements Disposable {
  readonly #timer: NodeJS.Timeout
  #missed = 0

  constructor({ ask, onHung, intervalMs = INTERVAL_MS }: HeartbeatInit) {
    this.#timer = setInterval(() => {
      this.#missed += 1
      if (this.#missed > MAX_MISSED) {
        this[Symbol.dispose]()
        onHung()
      } else ask()
    }, intervalMs)
    this.#timer.unref()
  }

  /** Whether so many questions are open that it may hang. */
  get isDoubtful(): boolean {
    return this.#missed > DOUBTFUL
  }

  /** Anything that came from the other side. */
  heard(): void {
    this.#missed = 0
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }
}

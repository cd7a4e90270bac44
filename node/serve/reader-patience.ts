import { type Clock, every } from '../../timing/index.ts'

/** Least rate, in bytes a second, at which a reader takes an answer that waits for it: half of a line of 1 Mbit/s. */
const LEAST_READ_RATE = 65_536
/** Bytes on their way to a reader, at most: the window of a stream. */
const WINDOW_BYTES = 2_097_152
/** How far a reader may fall behind that rate while other peers want its slot. */
const PATIENCE_MS = 5_000
/** Time to read a window at that rate. */
export const READ_WINDOW_MS: number = (WINDOW_BYTES * 1_000) / LEAST_READ_RATE
/** Also the longest wait that counts at a time: a loop that was blocked is no fault of the reader. */
const CHECK_EVERY_MS = 500

export interface ReaderPatienceInit {
  /** Whether other peers want the slot. */
  readonly isContended: () => boolean
  /** Called when patience is spent; may be called again. */
  readonly onSpent: () => void
  readonly clock: Clock
}

/**
 * Ends an answer whose reader keeps the engine waiting while others want its slot. Streams buffer two megabytes, which
 * is more than most answers have, so a reader that keeps up is never affected, nor is one that reads steadily over a
 * slow line: every byte read counts at the least rate, and a sip now and then gains little.
 */
export class ReaderPatience {
  readonly #init: ReaderPatienceInit
  #behindMs = 0
  #readBytes = 0

  constructor(init: ReaderPatienceInit) {
    this.#init = init
  }

  /** Settles like the pending write. @param sentBytes all that the stream has taken up to now */
  async during(write: Promise<void>, sentBytes: () => number): Promise<void> {
    const { clock, isContended, onSpent } = this.#init
    let countedAtMs = clock.now()
    const count = (): void => {
      const nowMs = clock.now()
      this.#count(Math.min(nowMs - countedAtMs, CHECK_EVERY_MS), sentBytes())
      countedAtMs = nowMs
    }
    using _timer = every(clock, CHECK_EVERY_MS, () => {
      count()
      if (this.#behindMs > PATIENCE_MS && isContended()) onSpent()
    })
    await write
    count()
  }

  #count(waitedMs: number, sentBytes: number): void {
    const readBytes = Math.max(0, sentBytes - WINDOW_BYTES)
    const gainedMs = ((readBytes - this.#readBytes) * 1_000) / LEAST_READ_RATE
    this.#readBytes = readBytes
    // A reader that empties its buffer before it asks for more takes a window at a time.
    this.#behindMs = Math.max(-READ_WINDOW_MS, this.#behindMs + waitedMs - gainedMs)
  }
}

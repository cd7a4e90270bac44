import { type Clock, every } from '../../timing/index.ts'

/** Time in all that an answer may wait for its reader, while other requests want its slot. */
const PATIENCE_MS = 5_000
/** Beyond that, the reader may hold up this part of the time since the first wait. */
const SHARE = 0.5
const CHECK_EVERY_MS = 500

export interface ReaderPatienceInit {
  /** Whether other requests want the slot. */
  readonly isContended: () => boolean
  /** Called when patience is spent. */
  readonly onSpent: () => void
  readonly clock: Clock
}

/**
 * Ends an answer whose reader keeps the engine waiting while others want its slot. Streams buffer two megabytes, which
 * is more than most answers have, so a reader that keeps up is never affected. The sum of the waits counts: a short
 * read does not reset it.
 */
export class ReaderPatience {
  readonly #init: ReaderPatienceInit
  #firstWaitAtMs: number | undefined
  #waitedMs = 0

  constructor(init: ReaderPatienceInit) {
    this.#init = init
  }

  /** Settles like the pending write. */
  async during(write: Promise<void>): Promise<void> {
    const { clock } = this.#init
    const startedAtMs = clock.now()
    using _timer = every(clock, CHECK_EVERY_MS, () => this.#check(startedAtMs))
    try {
      await write
    } finally {
      const waitedMs = clock.now() - startedAtMs
      if (waitedMs >= CHECK_EVERY_MS) this.#firstWaitAtMs ??= startedAtMs
      this.#waitedMs += waitedMs
    }
  }

  #check(startedAtMs: number): void {
    const { isContended, clock, onSpent } = this.#init
    this.#firstWaitAtMs ??= startedAtMs
    const waitedMs = this.#waitedMs + clock.now() - startedAtMs
    const sinceFirstMs = clock.now() - this.#firstWaitAtMs
    if (waitedMs > PATIENCE_MS && waitedMs > sinceFirstMs * SHARE && isContended()) onSpent()
  }
}

import { InferenceError } from '../../protocol/index.ts'
import { type Clock, systemClock } from '../../timing/index.ts'

export interface WaitLimits {
  /** Longest time without any frame before the first visible piece. */
  readonly silenceTimeoutMs: number
  /** Longest wait for the first visible piece of this prompt; restarts with each report of work. */
  readonly ttftTimeoutMs: number
  /** Longest gap between pieces; restarts with a report of work if no other peer can take the answer over. */
  readonly itlTimeoutMs: number
}

export interface WatchdogOptions {
  /** @default the machine's */
  readonly clock?: Clock
  /** Whether no other peer could take the answer over; asked at the end of a gap. @default never */
  readonly isAlone?: () => boolean
}

/**
 * Counts only the time spent waiting for the peer, so that a slow consumer is not held against it.
 *
 * Before the first visible piece two clocks run. Any frame and any upload progress reset the silence clock. A node's
 * report of work resets the time to first token, as a queue, a cold model or a long prompt may take as long as the
 * caller waits. After the first visible piece the gap between pieces is limited: another peer may be faster. Where no
 * other peer can take the answer over, a gap lasts as long as reports of work come, as the same peer would only have to
 * do the work again.
 */
export class Watchdog {
  readonly #limits: WaitLimits
  readonly #onExpire: (error: InferenceError) => void
  readonly #clock: Clock
  readonly #isAlone: () => boolean
  #phase: 'first' | 'streaming' = 'first'
  #silenceMs = 0
  #waitedMs = 0
  #waitingSince: number | undefined
  /** The peer has reported work since the gap clock started. */
  #reported: boolean = false
  /** Armed at the first wait and left armed: it is moved when it fires, and not with each frame. */
  #timer: Disposable | undefined

  constructor(
    limits: WaitLimits,
    onExpire: (error: InferenceError) => void,
    { clock = systemClock, isAlone = () => false }: WatchdogOptions = {},
  ) {
    this.#limits = limits
    this.#onExpire = onExpire
    this.#clock = clock
    this.#isAlone = isAlone
  }

  /** Whether a visible piece arrived. */
  get isStreaming(): boolean {
    return this.#phase === 'streaming'
  }

  /** Waits for `next` while the clocks run. */
  async guard<T>(next: Promise<T>): Promise<T> {
    this.#waitingSince = this.#clock.now()
    if (this.#timer === undefined) this.#arm()
    try {
      return await next
    } finally {
      this.#account()
      this.#waitingSince = undefined
    }
  }

  /** Stops the timer. */
  close(): void {
    this.#timer?.[Symbol.dispose]()
    this.#timer = undefined
  }

  /** The peer is alive: a frame arrived, or it accepted more of the request. */
  alive(): void {
    this.#account()
    this.#silenceMs = 0
  }

  /** The peer reports that it is working on the next piece. */
  working(): void {
    this.alive()
    if (this.#phase === 'first') this.#waitedMs = 0
    else this.#reported = true
  }

  /** A piece of the answer arrived. `visible` starts the second phase. */
  progress(visible: boolean): void {
    this.alive()
    if (visible && this.#phase === 'first') {
      this.#phase = 'streaming'
      // The gap may be shorter than what the timer was set to.
      this.close()
    }
    if (this.#phase === 'streaming') this.#startGap()
  }

  #startGap(): void {
    this.#waitedMs = 0
    this.#reported = false
  }

  #account(): void {
    if (this.#waitingSince === undefined) return
    const now = this.#clock.now()
    this.#silenceMs += now - this.#waitingSince
    this.#waitedMs += now - this.#waitingSince
    this.#waitingSince = now
  }

  #arm(): void {
    const { leftMs } = this.#tightest()
    this.#timer = this.#clock.after(Math.max(0, leftMs), () => this.#check())
  }

  #check(): void {
    this.#timer = undefined
    // The consumer has the turn: the next wait arms it again.
    if (this.#waitingSince === undefined) return
    this.#account()
    const { leftMs, error } = this.#tightest()
    if (leftMs <= 0) {
      const goesOn = this.#phase === 'streaming' && this.#reported && this.#isAlone()
      if (!goesOn) {
        this.#onExpire(error())
        return
      }
      this.#startGap()
    }
    this.#arm()
  }

  #tightest(): { leftMs: number; error: () => InferenceError } {
    const { silenceTimeoutMs, ttftTimeoutMs, itlTimeoutMs } = this.#limits
    if (this.#phase === 'streaming') {
      return {
        leftMs: itlTimeoutMs - this.#waitedMs,
        error: () => stalled(`the answer paused for more than ${itlTimeoutMs} ms`),
      }
    }
    const silenceLeftMs = silenceTimeoutMs - this.#silenceMs
    const ttftLeftMs = ttftTimeoutMs - this.#waitedMs
    return silenceLeftMs < ttftLeftMs
      ? {
          leftMs: silenceLeftMs,
          error: () => stalled(`the peer said nothing for ${silenceTimeoutMs} ms`),
        }
      : { leftMs: ttftLeftMs, error: () => stalled(`no first token in ${ttftTimeoutMs} ms`) }
  }
}

function stalled(message: string): InferenceError {
  return new InferenceError('stalled', message)
}

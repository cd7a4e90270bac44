import type { AbortOptions } from './abort-options.ts'

/** The only source of time. Code that waits or measures takes one, so that tests and the simulator can pass their own. */
export interface Clock {
  /** Monotonic, in milliseconds; only differences are meaningful. */
  now(): number
  /** Milliseconds since 1970 by the machine's clock. */
  wall(): number
  /**
   * Calls `run` once after `ms`, never before this call has returned. `Infinity` never fires. Disposing the timer
   * cancels it.
   */
  after(ms: number, run: () => void, options?: TimerOptions): Disposable
}

/** How a timer affects the process. */
export interface TimerOptions {
  /** The process may exit while the timer is pending. @default false */
  readonly background?: boolean
}

/** Longest delay of `setTimeout`; a longer one would fire at once. */
export const MAX_TIMER_MS: number = 2 ** 31 - 1

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after: (ms, run, options) => new SystemTimer(ms, run, options),
}

class SystemTimer implements Disposable {
  readonly #run: () => void
  readonly #background: boolean
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(ms: number, run: () => void, { background = false }: TimerOptions = {}) {
    this.#run = run
    this.#background = background
    this.#arm(ms)
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
  }

  #arm(ms: number): void {
    const leftMs = ms - MAX_TIMER_MS
    this.#timer =
      leftMs > 0
        ? setTimeout(() => this.#arm(leftMs), MAX_TIMER_MS)
        : setTimeout(this.#run, Math.max(0, ms))
    if (this.#background) this.#timer.unref()
  }
}

/** Calls `run` every `ms` until disposed, or the signal fires. The process may exit meanwhile. */
export function every(
  clock: Clock,
  ms: number,
  run: () => void,
  options: AbortOptions = {},
): Disposable {
  return repeat(clock, () => ms, run, options)
}

/**
 * As {@link every}, at multiples of `ms` of the clock: tasks with related intervals wake a resting process together. The
 * first call comes after half an interval to one and a half.
 */
export function everyTogether(
  clock: Clock,
  ms: number,
  run: () => void,
  options: AbortOptions = {},
): Disposable {
  const untilNext = (): number => {
    const nowMs = clock.now()
    // A timer may fire a little early, and counts as on time.
    return (Math.round(nowMs / ms) + 1) * ms - nowMs
  }
  return repeat(clock, untilNext, run, options)
}

function repeat(
  clock: Clock,
  untilNext: () => number,
  run: () => void,
  { signal }: AbortOptions,
): Disposable {
  let timer: Disposable
  const arm = (): void => {
    timer = clock.after(
      untilNext(),
      () => {
        arm()
        run()
      },
      { background: true },
    )
  }
  arm()
  const stop = (): void => timer[Symbol.dispose]()
  signal?.addEventListener('abort', stop, { once: true })
  return { [Symbol.dispose]: stop }
}

import { nextTick } from 'node:process'
import type { Clock } from '../timing/index.ts'

interface Event {
  readonly atMs: number
  /** Events at the same time run in the order in which they were planned. */
  readonly order: number
  readonly run: () => void
  cancelled: boolean
}

export interface VirtualClockInit {
  /** What `wall` reads at the beginning, in milliseconds since 1970. @default 0 */
  readonly wallMs?: number
}

/**
 * Virtual time, advanced by the test: the clock jumps from one planned event to the next. Before each jump it lets
 * every pending promise settle that can.
 *
 * @example
 * const clock = new VirtualClock()
 * const answer = ask({ clock, timeoutMs: 60_000 })
 * await clock.until(answer) // returns in milliseconds of real time
 */
export class VirtualClock implements Clock {
  readonly #wallMs: number
  /** A binary heap; the earliest event is first. */
  readonly #heap: Event[] = []
  #order = 0
  #nowMs = 0

  constructor({ wallMs = 0 }: VirtualClockInit = {}) {
    this.#wallMs = wallMs
  }

  /** Milliseconds since the clock was made. */
  readonly now = (): number => this.#nowMs

  readonly wall = (): number => this.#wallMs + this.#nowMs

  readonly after = (ms: number, run: () => void): Disposable => this.at(this.#nowMs + ms, run)

  /** Plans an event. Disposing cancels it. */
  at(atMs: number, run: () => void): Disposable {
    const event = { atMs: Math.max(atMs, this.#nowMs), order: ++this.#order, run, cancelled: false }
    this.#heap.push(event)
    this.#rise(this.#heap.length - 1)
    return {
      [Symbol.dispose]: () => {
        event.cancelled = true
      },
    }
  }

  /**
   * Runs until no event is left, or until the next one would be later than `untilMs`. For code whose only waits are
   * promises and this clock.
   */
  async run(untilMs: number = Number.POSITIVE_INFINITY): Promise<void> {
    await microtasks()
    while (this.#step(untilMs)) await microtasks()
  }

  /** Runs all events of the next `ms`; then that much time has passed. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms
    await turn()
    while (this.#step(untilMs)) await turn()
    this.#nowMs = untilMs
  }

  /**
   * Lets time pass until the promise settles, and settles like it. Between two events the event loop turns, so that
   * in-memory streams go on, too.
   *
   * @throws RangeError if no event is planned and the promise is still pending
   */
  async until<T>(promise: Promise<T>): Promise<T> {
    let settled = false
    const done = (): void => {
      settled = true
    }
    promise.then(done, done)
    await turn()
    while (!settled) {
      if (!this.#step(Number.MAX_VALUE)) {
        if (!(await settlesSoon(() => settled || this.#heap.length > 0))) {
          throw new RangeError(`still pending at ${this.#nowMs} ms, and no timer is left`)
        }
      }
      await turn()
    }
    return await promise
  }

  /** Runs the next event. @returns whether there was one */
  #step(untilMs: number): boolean {
    for (;;) {
      const next = this.#heap[0]
      if (next === undefined || next.atMs > untilMs) return false
      this.#pop()
      if (next.cancelled) continue
      this.#nowMs = next.atMs
      next.run()
      return true
    }
  }

  #pop(): void {
    const last = this.#heap.pop()
    if (last === undefined || this.#heap.length === 0) return
    this.#heap[0] = last
    let at = 0
    for (;;) {
      const [left, right] = [2 * at + 1, 2 * at + 2]
      let least = at
      if (this.#isBefore(left, least)) least = left
      if (this.#isBefore(right, least)) least = right
      if (least === at) return
      this.#swap(at, least)
      at = least
    }
  }

  #rise(from: number): void {
    let at = from
    while (at > 0) {
      const parent = (at - 1) >>> 1
      if (!this.#isBefore(at, parent)) return
      this.#swap(at, parent)
      at = parent
    }
  }

  #isBefore(a: number, b: number): boolean {
    const [first, second] = [this.#heap[a], this.#heap[b]]
    if (first === undefined || second === undefined) return false
    return first.atMs < second.atMs || (first.atMs === second.atMs && first.order < second.order)
  }

  #swap(a: number, b: number): void {
    const [first, second] = [this.#heap[a], this.#heap[b]]
    if (first === undefined || second === undefined) return
    this.#heap[a] = second
    this.#heap[b] = first
  }
}

/**
 * Until no promise has anything to go on with. From a microtask, as an async function is one after its first `await`, a
 * tick comes when the queue of microtasks is empty:
 * https://nodejs.org/api/process.html#when-to-use-queuemicrotask-vs-processnexttick
 */
async function microtasks(): Promise<void> {
  await undefined
  await new Promise<void>((resolve) => nextTick(resolve))
}

/** Turns of the event loop between two events: an in-memory stream passes a message on in one. */
const TURNS = 4

async function turn(): Promise<void> {
  for (let n = 0; n < TURNS; n += 1) {
    await new Promise<void>((resolve) => setImmediate(resolve))
  }
}

/** Turns of the event loop for work outside of the clock, such as a file or a socket. */
const PATIENCE_TURNS = 10_000

async function settlesSoon(isSettled: () => boolean): Promise<boolean> {
  for (let n = 0; n < PATIENCE_TURNS && !isSettled(); n += 1) await turn()
  return isSettled()
}

import process, { nextTick } from 'node:process'
import type { Clock, TimerOptions } from '../timing/index.ts'

interface Event {
  readonly atMs: number
  /** Events at the same time run in the order in which they were planned. */
  readonly order: number
  readonly run: () => void
  readonly background: boolean
  over: boolean
}

/** Fewer events are not worth clearing. */
const MIN_CLEARED = 1_024

/**
 * Shortest delay. Real timers have one, too; without it a remainder of rounding, below the precision of the sum, would be
 * waited for without end.
 */
const RESOLUTION_MS = 0.001

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
export class VirtualClock implements Clock, Disposable {
  readonly #wallMs: number
  /** A binary heap; the earliest event is first. */
  #heap: Event[] = []
  #order = 0
  #nowMs = 0
  /** Events ahead that are not in the background. */
  #foreground = 0
  #planned = 0
  #flows: boolean = false
  #pumps: boolean = false

  constructor({ wallMs = 0 }: VirtualClockInit = {}) {
    this.#wallMs = wallMs
  }

  /** A clock that flows until it is disposed; `wall` begins at the machine's time. */
  static flowing(): VirtualClock {
    const clock = new VirtualClock({ wallMs: Date.now() })
    clock.flow()
    return clock
  }

  /** Milliseconds since the clock was made. */
  readonly now = (): number => this.#nowMs

  /** Events ahead, those in the background included. */
  get planned(): number {
    return this.#planned
  }

  readonly wall = (): number => this.#wallMs + this.#nowMs

  readonly after = (ms: number, run: () => void, options?: TimerOptions): Disposable =>
    this.at(this.#nowMs + (ms > 0 ? Math.max(ms, RESOLUTION_MS) : 0), run, options)

  /** Plans an event. Disposing cancels it. */
  at(atMs: number, run: () => void, { background = false }: TimerOptions = {}): Disposable {
    const due = Math.max(atMs, this.#nowMs)
    // An endless timer keeps nothing going.
    const isBackground = background || due === Number.POSITIVE_INFINITY
    const event = { atMs: due, order: ++this.#order, run, background: isBackground, over: false }
    this.#heap.push(event)
    this.#rise(this.#heap.length - 1)
    this.#planned += 1
    if (!isBackground) this.#foreground += 1
    this.#pump()
    return { [Symbol.dispose]: () => this.#cancel(event) }
  }

  /**
   * From now on time passes by itself, as in `until`, while a timer is ahead that would keep a process alive.
   * Disposing stops it.
   */
  flow(): Disposable {
    this.#flows = true
    this.#pump()
    return { [Symbol.dispose]: () => this[Symbol.dispose]() }
  }

  /** Time passes by itself no more. */
  [Symbol.dispose](): void {
    this.#flows = false
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

  #pump(): void {
    if (this.#pumps || !this.#flows || this.#foreground === 0) return
    this.#pumps = true
    void (async () => {
      await turn()
      while (this.#flows && this.#foreground > 0 && this.#step(Number.MAX_VALUE)) await turn()
      this.#pumps = false
    })()
  }

  #cancel(event: Event): void {
    this.#end(event)
    if (this.#heap.length < MIN_CLEARED || this.#heap.length < 2 * this.#planned) return
    // Most are cancelled, and hold what they would have run. A sorted list is a heap.
    this.#heap = this.#heap
      .filter(({ over }) => !over)
      .sort((a, b) => a.atMs - b.atMs || a.order - b.order)
  }

  #end(event: Event): void {
    if (event.over) return
    event.over = true
    this.#planned -= 1
    if (!event.background) this.#foreground -= 1
  }

  /** Runs the next event. @returns whether there was one */
  #step(untilMs: number): boolean {
    for (;;) {
      const next = this.#heap[0]
      if (next === undefined || next.atMs > untilMs) return false
      this.#pop()
      if (next.over) continue
      this.#end(next)
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

/** Turns of the event loop in which nothing else was due: then everything waits for the clock. */
const CALM_TURNS = 4
/** Something that is due for ever, such as a polling loop, must not stop the clock. */
const MAX_TURNS = 20_000

/** Turns of all clocks that are due: tests may run at the same time. */
let turnsDue = 0

/** Lets the event loop turn until only the clock can go on: in-memory streams and engines take a turn for each message. */
async function turn(): Promise<void> {
  let calm = 0
  for (let n = 0; n < MAX_TURNS && calm < CALM_TURNS; n += 1) {
    turnsDue += 1
    await new Promise<void>((resolve) => setImmediate(resolve))
    turnsDue -= 1
    calm = immediatesDue() > turnsDue ? 0 : calm + 1
  }
}

function immediatesDue(): number {
  let count = 0
  for (const resource of process.getActiveResourcesInfo()) count += Number(resource === 'Immediate')
  return count
}

/** Turns of the event loop for work outside of the clock, such as a file or a socket. */
const PATIENCE_TURNS = 10_000

async function settlesSoon(isSettled: () => boolean): Promise<boolean> {
  for (let n = 0; n < PATIENCE_TURNS && !isSettled(); n += 1) await turn()
  return isSettled()
}

import { nextTick } from 'node:process'

interface Event {
  readonly atMs: number
  /** Of events at the same time, the one planned first comes first. */
  readonly order: number
  readonly run: () => void
  cancelled: boolean
}

/**
 * Discrete events in virtual time: nothing waits, the clock jumps from one event to the next. What the shipped code
 * awaits goes on before the next event, however deep its promises are chained; what it leaves to a real timer does not.
 */
export class VirtualTime {
  /** A binary heap; the earliest event is first. */
  readonly #heap: Event[] = []
  #order = 0
  #nowMs = 0

  /** Milliseconds since the beginning. */
  readonly now = (): number => this.#nowMs

  /** @returns calls it off */
  at(atMs: number, run: () => void): () => void {
    const event = { atMs: Math.max(atMs, this.#nowMs), order: ++this.#order, run, cancelled: false }
    this.#heap.push(event)
    this.#rise(this.#heap.length - 1)
    return () => {
      event.cancelled = true
    }
  }

  after(ms: number, run: () => void): () => void {
    return this.at(this.#nowMs + ms, run)
  }

  /** Again and again, until what it returns is called. */
  readonly every = (ms: number, run: () => void): (() => void) => {
    let stop = (): void => {}
    const beat = (): void => {
      run()
      stop = this.after(ms, beat)
    }
    stop = this.after(ms, beat)
    return () => stop()
  }

  /** Runs until no event is left, or until the next one would be later than this. */
  async run(untilMs: number = Number.POSITIVE_INFINITY): Promise<void> {
    await continuations()
    for (;;) {
      const next = this.#heap[0]
      if (next === undefined || next.atMs > untilMs) return
      this.#pop()
      if (next.cancelled) continue
      this.#nowMs = next.atMs
      next.run()
      await continuations()
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
async function continuations(): Promise<void> {
  await undefined
  await new Promise<void>((resolve) => nextTick(resolve))
}

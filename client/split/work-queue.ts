import type { InferenceError } from '../../protocol/index.ts'
import { afterFailure, pauseMs } from './after-failure.ts'
import { ItemTimes } from './item-times.ts'
import { mayCopy, type RunningPart, slowAtMs } from './stragglers.ts'
import { grown, initialWindow, shrunk, type WindowState } from './window.ts'

export interface WorkQueueInit {
  /** Slots of the peers that are known, 0 where none is. Asked again and again: more become known. */
  readonly slots: () => number
  /** How many of the next items one part takes. @default one */
  readonly take?: (next: readonly number[], lanes: number, itemMs: number | undefined) => number
  /** Times that an item by itself may fail before that is its result. Refusals for lack of room do not count. */
  readonly maxTries: number
  /**
   * The same, where there is nobody to ask: peers come back, and some are not found at once.
   *
   * @default none before the first answer, `maxTries` after it
   */
  readonly maxAbsences?: number
  /** Whether stragglers get a second copy. */
  readonly copies: boolean
  /** From 0, below 1. */
  readonly random: () => number
}

/** One request to be made: some items, to be answered together. */
export interface Part extends RunningPart {
  /** The part that this one is a second copy of. */
  readonly copyOf?: number
}

/** What came of a part, for whoever carries it out. */
export interface Settled {
  /** Items whose result this is: the answer's on success, the error on failure. Each item comes once. */
  readonly items: readonly number[]
  /** The other copy, which is in vain now. */
  readonly cancel?: number
}

interface Waiting {
  readonly items: readonly number[]
  /** Failures by itself that count. */
  readonly tries: number
  /** Failures and refusals in a row. */
  readonly rounds: number
  readonly notBeforeMs: number
}

interface Running {
  readonly part: Part
  readonly from: Omit<Waiting, 'items' | 'notBeforeMs'>
  /** The other copy, while both run. */
  twin?: number
  /** It had a copy already; a second one would be in vain as well. */
  copied?: true
}

const NOTHING: Settled = { items: [] }
const NEW = { tries: 0, rounds: 0 }

/**
 * Which item goes out when. Parts are pulled as others end, so that a fast peer gets more of them; what fails comes
 * again, an item of a failed shard by itself; and when nothing is left to begin, stragglers get a copy elsewhere. It
 * holds no more than what is waiting and running. All times are of one clock that does not go back.
 */
export class WorkQueue {
  readonly #init: WorkQueueInit
  readonly #times = new ItemTimes()
  readonly #running = new Map<number, Running>()
  #fresh: number[] = []
  #waiting: Waiting[] = []
  #window: WindowState
  #closed: boolean = false
  #parts = 0
  #begun = 0
  #copied = 0
  #answered: boolean = false

  constructor(init: WorkQueueInit) {
    this.#init = init
    this.#window = initialWindow(init.slots())
  }

  /** Parts at once. */
  get lanes(): number {
    return Math.max(1, Math.floor(this.#window.size))
  }

  get running(): number {
    return this.#running.size
  }

  /** Items that were never begun. */
  get fresh(): number {
    return this.#fresh.length
  }

  /** Every item was added. */
  get closed(): boolean {
    return this.#closed
  }

  /** All items were added, and each has its result. */
  get done(): boolean {
    const { length } = this.#fresh
    return this.#closed && length === 0 && this.#waiting.length === 0 && this.#running.size === 0
  }

  add(items: Iterable<number>): void {
    for (const item of items) this.#fresh.push(item)
  }

  /** No further item comes. */
  close(): void {
    this.#closed = true
  }

  /** The part to begin now; nothing where all lanes are busy or there is nothing to begin. */
  next(nowMs: number): Part | undefined {
    if (this.#running.size >= this.lanes) return undefined
    const due = this.#waiting.findIndex(({ notBeforeMs }) => notBeforeMs <= nowMs)
    const [again] = due === -1 ? [] : this.#waiting.splice(due, 1)
    if (again !== undefined) return this.#begin(again.items, again, nowMs)
    if (this.#fresh.length > 0) {
      const wanted = this.#init.take?.(this.#fresh, this.lanes, this.#times.medianMs) ?? 1
      const items = this.#fresh.splice(0, Math.max(1, wanted))
      this.#begun += items.length
      return this.#begin(items, NEW, nowMs)
    }
    return this.#copy(nowMs)
  }

  /** When `next` may have something although nothing happens meanwhile. */
  wakeAtMs(): number | undefined {
    if (this.#running.size >= this.lanes) return undefined
    const due = this.#waiting.map(({ notBeforeMs }) => notBeforeMs)
    const slow = this.#copyable().map(({ part }) => slowAtMs(part, this.#times) ?? Infinity)
    const earliest = Math.min(...due, ...slow)
    return Number.isFinite(earliest) ? earliest : undefined
  }

  /** @param crowded whether a peer had no room on the way */
  succeeded(id: number, nowMs: number, crowded = false): Settled {
    const running = this.#end(id)
    if (running === undefined) return NOTHING
    const { part, twin } = running
    this.#answered = true
    this.#times.add(nowMs - part.startedMs, part.items.length)
    this.#window = crowded ? shrunk(this.#window, nowMs) : grown(this.#window, this.#init.slots())
    if (twin === undefined) return { items: part.items }
    this.#running.delete(twin)
    return { items: part.items, cancel: twin }
  }

  /**
   * @param final whether it cannot come again: the caller has seen some of it
   * @returns the items whose result the failure is; the others come again
   */
  failed(id: number, error: InferenceError, nowMs: number, final = false): Settled {
    const running = this.#end(id)
    if (running === undefined) return NOTHING
    const { part, from, twin } = running
    const fate = afterFailure(error)
    if (fate === 'later') this.#window = shrunk(this.#window, nowMs)
    const other = twin === undefined ? undefined : this.#running.get(twin)
    if (other !== undefined) {
      delete other.twin
      return NOTHING
    }
    const { items } = part
    if (final) return { items }
    if (fate !== 'later' && items.length > 1) {
      for (const item of items) this.#waiting.push({ items: [item], ...NEW, notBeforeMs: nowMs })
      return NOTHING
    }
    const tries = from.tries + (fate === 'later' ? 0 : 1)
    if (fate === 'never' || tries >= this.#mostTries(fate)) return { items }
    const rounds = from.rounds + 1
    const notBeforeMs = nowMs + pauseMs(rounds, error, this.#init.random)
    this.#waiting.push({ items, tries, rounds, notBeforeMs })
    return NOTHING
  }

  #mostTries(fate: ReturnType<typeof afterFailure>): number {
    const { maxTries, maxAbsences = this.#answered ? maxTries : 1 } = this.#init
    return fate === 'absent' ? maxAbsences : maxTries
  }

  #begin(items: readonly number[], from: Running['from'], startedMs: number): Part {
    const part = { id: this.#parts++, items, startedMs }
    this.#running.set(part.id, { part, from: { tries: from.tries, rounds: from.rounds } })
    return part
  }

  #end(id: number): Running | undefined {
    const running = this.#running.get(id)
    this.#running.delete(id)
    return running
  }

  /** Those that may get a copy once they are slow: when nothing else is left to begin. */
  #copyable(): Running[] {
    if (!this.#init.copies || !this.#closed || this.#fresh.length > 0) return []
    return [...this.#running.values()].filter(
      ({ part, copied }) =>
        copied === undefined && mayCopy(part.items.length, this.#copied, this.#begun),
    )
  }

  #copy(nowMs: number): Part | undefined {
    const slow = this.#copyable().find(
      ({ part }) => (slowAtMs(part, this.#times) ?? Infinity) <= nowMs,
    )
    if (slow === undefined) return undefined
    const { items, id: copyOf } = slow.part
    const part: Part = { id: this.#parts++, items, startedMs: nowMs, copyOf }
    this.#copied += items.length
    this.#running.set(part.id, { part, from: slow.from, twin: copyOf, copied: true })
    slow.twin = part.id
    slow.copied = true
    return part
  }
}

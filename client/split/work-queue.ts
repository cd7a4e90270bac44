import type { InferenceError } from '../../protocol/index.ts'
import { afterFailure, pauseMs } from './after-failure.ts'
import { ItemTimes } from './item-times.ts'
import { mayCopy, type RunningPart, slowAtMs } from './stragglers.ts'
import { grown, initialWindow, shrunk, type WindowState } from './window.ts'

export interface WorkQueueInit {
  /** Total slots of known peers; 0 if none are known. Called repeatedly, because more peers become known. */
  readonly slots: () => number
  /** How many of the next items one part takes. @default one */
  readonly take?: (
    next: readonly number[],
    concurrency: number,
    itemMs: number | undefined,
  ) => number
  /** Tries of a single item before it fails. Refusals of busy peers do not count. */
  readonly maxTries: number
  /**
   * Tries of a single item while no peer is available: peers come back, and some take time to be found.
   *
   * @default 1 before the first answer, `maxTries` after it
   */
  readonly maxAbsences?: number
  /** Whether stragglers get a second copy. */
  readonly copies: boolean
  /** From 0, below 1. */
  readonly random: () => number
}

/** One request: some of the items. */
export interface Part extends RunningPart {
  /** Id of the part that this one duplicates. */
  readonly copyOf?: number
}

/** The consequences of a part's end. */
export interface Settled {
  /** Items that now have a result: the answer or the error. Each item is reported once. */
  readonly items: readonly number[]
  /** Id of the other copy, which is no longer needed. */
  readonly cancel?: number
}

interface Waiting {
  readonly items: readonly number[]
  /** Failures that count, as a single item. */
  readonly tries: number
  /** Consecutive failures and refusals. */
  readonly rounds: number
  readonly notBeforeMs: number
}

interface Running {
  readonly part: Part
  readonly from: Omit<Waiting, 'items' | 'notBeforeMs'>
  /** The other copy, while both run. */
  twin?: number
  /** It was duplicated before; a second copy would not help either. */
  copied?: true
}

const NOTHING: Settled = { items: [] }
const NEW = { tries: 0, rounds: 0 }

/**
 * Decides which items are sent when. Parts are pulled as others end, so that fast peers get more of them. Failed parts are
 * retried, the items of a failed shard one by one. When nothing is left to start, stragglers are duplicated at another
 * peer. Holds only waiting and running items. All times are of one monotonic clock.
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

  /** Max concurrent parts. */
  get concurrency(): number {
    return Math.max(1, Math.floor(this.#window.size))
  }

  get running(): number {
    return this.#running.size
  }

  /** Items not started yet. */
  get fresh(): number {
    return this.#fresh.length
  }

  /** No more items will be added. */
  get closed(): boolean {
    return this.#closed
  }

  /** Closed, and every item has a result. */
  get done(): boolean {
    const { length } = this.#fresh
    return this.#closed && length === 0 && this.#waiting.length === 0 && this.#running.size === 0
  }

  add(items: Iterable<number>): void {
    for (const item of items) this.#fresh.push(item)
  }

  /** Declares that no more items will be added. */
  close(): void {
    this.#closed = true
  }

  /** The part to start now; undefined if all slots are taken or nothing is left to start. */
  next(nowMs: number): Part | undefined {
    if (this.#running.size >= this.concurrency) return undefined
    const due = this.#waiting.findIndex(({ notBeforeMs }) => notBeforeMs <= nowMs)
    const [again] = due === -1 ? [] : this.#waiting.splice(due, 1)
    if (again !== undefined) return this.#begin(again.items, again, nowMs)
    if (this.#fresh.length > 0) {
      const wanted = this.#init.take?.(this.#fresh, this.concurrency, this.#times.medianMs) ?? 1
      const items = this.#fresh.splice(0, Math.max(1, wanted))
      this.#begun += items.length
      return this.#begin(items, NEW, nowMs)
    }
    return this.#copy(nowMs)
  }

  /** Time at which `next` may return a part even if no other part ends; undefined if never. */
  wakeAtMs(): number | undefined {
    if (this.#running.size >= this.concurrency) return undefined
    const due = this.#waiting.map(({ notBeforeMs }) => notBeforeMs)
    const slow = this.#copyable().map(({ part }) => slowAtMs(part, this.#times) ?? Infinity)
    const earliest = Math.min(...due, ...slow)
    return Number.isFinite(earliest) ? earliest : undefined
  }

  /** @param crowded whether a peer was busy before this answer */
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
   * @param final the part cannot be retried, because the caller has seen some of its answer
   * @returns the items that failed for good; the others will be retried
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

  /** Running parts that may be duplicated once they are slow; none while other items are left to start. */
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

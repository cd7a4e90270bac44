import { InferenceError } from '../../protocol/index.ts'
import type { Clock } from '../../timing/index.ts'
import { Lane, type WeightOf } from './lane.ts'
import type { Waiter } from './line.ts'

/** Pause after a refusal without `retryAfterMs`, and the retry time sent to callers before there is an estimate. */
const RETRY_MS = 1_000
/** Longest retry time sent to a caller. */
const MAX_RETRY_MS = 60_000
/** Models with their own queue; further names share the last one. */
const MAX_LANES = 256
const OTHERS = ''

export interface RequestQueueInit {
  /** Queued requests of all callers. */
  readonly maxQueued: number
  /** Queued requests of one key. */
  readonly maxQueuedPerKey: number
  /** Total advertised slots of the peers known to serve a model; 0 if none are known. */
  readonly slots: (model: string) => number
  /** Turns of a key for each turn of a key of weight 1. @default 1 for every key */
  readonly weightOf?: WeightOf
  readonly clock: Clock
  /** Called with the wait of each request when its turn begins. */
  readonly onTurn?: (waitedMs: number) => void
}

export interface EnterOptions {
  readonly model: string
  /** Name of its API key. */
  readonly key: string
  /** By the clock's `now`. */
  readonly deadlineAtMs: number
  readonly signal?: AbortSignal | undefined
  /** Called once with the number of turns before this one; 0 if it does not wait. */
  readonly onPosition?: ((ahead: number) => void) | undefined
}

/** Permission to send a request to the peers. Always ends with `leave`. */
export interface Turn {
  /** Records an answer. */
  answered(): void
  /**
   * Gives up the turn because the peers had no free slot, and waits for the next one, ahead of others of the same key.
   *
   * @throws the refusal, once the deadline allows no further try; the signal's reason
   */
  again(refusal: InferenceError): Promise<void>
  leave(): void
}

/**
 * Queues requests that the peers have no slots for, instead of having them refused: concurrency is limited by the
 * known slots, or by what refusals have shown. Keys take turns by their weights.
 */
export class RequestQueue {
  readonly #init: RequestQueueInit
  readonly #lanes = new Map<string, Lane>()
  /** Lanes paused after a refusal. */
  readonly #paused = new Map<Lane, Disposable>()

  constructor(init: RequestQueueInit) {
    this.#init = init
  }

  get depth(): number {
    let depth = 0
    for (const lane of this.#lanes.values()) depth += lane.depth
    return depth
  }

  /**
   * Waits for a turn.
   *
   * @throws InferenceError `over_capacity`, with the time to retry, if the queue is full or the turn would come
   *   after the deadline; `deadline_exceeded` when it passes; the signal's reason
   */
  async enter(options: EnterOptions): Promise<Turn> {
    options.signal?.throwIfAborted()
    const { clock, slots } = this.#init
    const { name, lane } = this.#laneOf(options.model)
    const enteredAtMs = clock.now()
    const isFree =
      lane.depth === 0 && !this.#paused.has(lane) && lane.running < lane.limit(slots(name))
    if (isFree) options.onPosition?.(0)
    else this.#checkRoom(lane, name, options)
    let startedAtMs = enteredAtMs
    let holds = false
    const begin = (): void => {
      holds = true
      startedAtMs = clock.now()
    }
    const release = (): void => {
      if (!holds) return
      holds = false
      lane.running -= 1
      this.#pump(lane, name)
    }
    const waiter = this.#add(lane, name, options, { first: false, isFree })
    // Most requests have their turn at once, without a promise, a timer and a listener.
    if (!waiter.isTurn) await this.#wait(lane, waiter, options)
    begin()
    this.#init.onTurn?.(startedAtMs - enteredAtMs)
    return {
      answered: () => lane.answered(clock.now() - startedAtMs),
      again: async (refusal) => {
        // No reason to expect a free slot: no peer is known, and no request runs.
        if (slots(name) === 0 && lane.running <= 1 && lane.depth === 0) throw refusal
        lane.refused()
        const pauseMs = Math.min(refusal.retryAfterMs ?? RETRY_MS, MAX_RETRY_MS)
        if (clock.now() + pauseMs >= options.deadlineAtMs) throw refusal
        this.#pause(lane, name, pauseMs)
        release()
        const next = this.#add(lane, name, options, { first: true, isFree: false })
        if (!next.isTurn) await this.#wait(lane, next, options)
        begin()
      },
      leave: release,
    }
  }

  /** State of a model is kept until its place is needed. */
  #laneOf(model: string): { readonly name: string; readonly lane: Lane } {
    const known = this.#lanes.get(model)
    if (known !== undefined) return { name: model, lane: known }
    if (this.#lanes.size >= MAX_LANES) {
      const idle = [...this.#lanes].find(([, lane]) => lane.isIdle && !this.#paused.has(lane))
      if (idle !== undefined) this.#lanes.delete(idle[0])
    }
    const name = this.#lanes.size < MAX_LANES ? model : OTHERS
    const lane = this.#lanes.get(name) ?? new Lane(this.#init.weightOf)
    this.#lanes.set(name, lane)
    return { name, lane }
  }

  #checkRoom(lane: Lane, name: string, { key, deadlineAtMs }: EnterOptions): void {
    const { maxQueued, maxQueuedPerKey, slots, clock } = this.#init
    const ahead = lane.ahead(key, { added: true })
    const waitMs = lane.waitMs(ahead, slots(name))
    const refuse = (why: string): InferenceError => {
      const retryAfterMs = Math.min(MAX_RETRY_MS, Math.max(RETRY_MS, waitMs ?? RETRY_MS))
      return new InferenceError('over_capacity', why, { retryAfterMs })
    }
    if (this.depth >= maxQueued)
      throw refuse(`${maxQueued} requests are queued at this gateway already`)
    if (lane.depthOf(key) >= maxQueuedPerKey) {
      throw refuse(`${maxQueuedPerKey} requests of this key are queued at this gateway already`)
    }
    if (waitMs !== undefined && clock.now() + waitMs > deadlineAtMs) {
      throw refuse(
        `${ahead} requests are queued before this one: the wait of about ${Math.ceil(waitMs / 1_000)} s exceeds the time limit of this one`,
      )
    }
  }

  #add(
    lane: Lane,
    name: string,
    { key, onPosition }: EnterOptions,
    { first, isFree }: { readonly first: boolean; readonly isFree: boolean },
  ): Waiting {
    const waiter = new Waiting(key)
    lane.add(waiter, { first })
    if (isFree) this.#begin(lane)
    else this.#pump(lane, name)
    if (lane.depth > 0 && !first) onPosition?.(lane.ahead(key) + 1)
    return waiter
  }

  async #wait(lane: Lane, waiter: Waiting, { signal, deadlineAtMs }: EnterOptions): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    waiter.onTurn = resolve
    const fail = (reason: unknown): void => {
      lane.remove(waiter)
      reject(reason)
    }
    const onAbort = (): void => fail(signal?.reason)
    signal?.addEventListener('abort', onAbort, { once: true })
    using _deadline = this.#init.clock.after(deadlineAtMs - this.#init.clock.now(), () => {
      fail(new InferenceError('deadline_exceeded', "the request's deadline passed in the queue"))
    })
    try {
      await promise
    } finally {
      signal?.removeEventListener('abort', onAbort)
    }
  }

  #pause(lane: Lane, name: string, ms: number): void {
    this.#paused.get(lane)?.[Symbol.dispose]()
    const timer = this.#init.clock.after(ms, () => {
      this.#paused.delete(lane)
      this.#pump(lane, name)
    })
    this.#paused.set(lane, timer)
  }

  #pump(lane: Lane, name: string): void {
    if (this.#paused.has(lane)) return
    // Counting the slots of a swarm takes a look at each of its peers.
    while (lane.depth > 0 && lane.running < lane.limit(this.#init.slots(name))) {
      this.#begin(lane)
    }
  }

  /** Gives the next request its turn. */
  #begin(lane: Lane): void {
    const waiter = lane.next()
    if (waiter === undefined) return
    lane.running += 1
    waiter.go()
  }
}

/** A request in a lane. */
class Waiting implements Waiter {
  readonly key: string
  isTurn: boolean = false
  onTurn: (() => void) | undefined

  constructor(key: string) {
    this.key = key
  }

  go(): void {
    this.isTurn = true
    this.onTurn?.()
  }
}

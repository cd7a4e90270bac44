import { InferenceError } from '../../protocol/index.ts'
import { type Clock, systemClock } from '../../timing/index.ts'
import {
  type Measured,
  type Occupancy,
  observe,
  predictedTtftMs,
  predictedWaitMs,
  type ServedSample,
  UNMEASURED,
} from './estimate.ts'
import { isStrangersTurn, keptUntilMs, type Precedence, STRANGERS_TURN } from './kept-slot.ts'
import { flowOf, givesWay, nextTurn, othersGiveWay, type Waiting } from './turn.ts'

/** A queue that has not been empty for this long is overload, not a burst. */
const OVERLOAD_AFTER_MS = 10_000
/** Peers and networks whose last turn is remembered. */
const MAX_TURNS = 2_048
/** Told to those who are refused while nothing was measured. */
const DEFAULT_RETRY_MS = 1_000

export interface GateInit {
  /** Requests that the engine works on at a time. */
  readonly slots: number
  /** Requests that wait for a slot at most. */
  readonly maxQueue: number
  readonly now: () => number
  /** @default the machine's */
  readonly after?: Clock['after']
  /** Of the turns, while contributors and strangers wait, one in so many is a stranger's. @default 5 */
  readonly strangersTurn?: number
}

export interface Ticket {
  /** 0 with a slot at once, 1 for the next in the queue. */
  readonly queuePosition: number
  readonly expectedTtftMs: number
  /**
   * Resolves with the slot. Rejects with the signal's reason, `deadline_exceeded` for a request whose time passed
   * in the queue, or `over_capacity` for one that gave way to a contributor, or to a peer with less.
   */
  readonly granted: Promise<void>
  /** Gives the slot or the place back; calling it again does nothing. */
  release(): void
}

interface Entry extends Waiting {
  readonly deadlineAtMs: number
  status: 'waiting' | 'running' | 'gone'
  readonly grant: () => void
  readonly refuse: (error: unknown) => void
}

/** Slots and the queue before them. */
export class Gate {
  readonly #init: GateInit
  readonly #oneIn: number
  readonly #waiting: Entry[] = []
  /** Number of the last turn of each peer and network, oldest first. */
  readonly #turns = new Map<string, number>()
  #slots: number
  #running = 0
  #arrivals = 0
  #turn = 0
  #passedOver = 0
  #contributorAtMs = Number.NEGATIVE_INFINITY
  #queuedSinceMs: number | undefined
  #measured: Measured = UNMEASURED
  #idle: (() => void)[] = []
  /** Of what time alone changes for those who wait: when it comes, and what calls it off. */
  #alarm: { readonly atMs: number; readonly timer: Disposable } | undefined

  constructor(init: GateInit) {
    this.#init = init
    this.#oneIn = init.strangersTurn ?? STRANGERS_TURN
    this.#slots = init.slots
  }

  get occupancy(): Occupancy {
    return { inFlight: this.#running, queueDepth: this.#waiting.length, slots: this.#slots }
  }

  get measured(): Measured {
    return this.#measured
  }

  get expectedTtftMs(): number {
    return predictedTtftMs(this.occupancy, this.#measured)
  }

  /** Whether all slots and all places in the queue are taken. */
  get full(): boolean {
    return this.#isFull(true)
  }

  /**
   * What a request that comes now finds: a contributor waits for contributors, and hardly for strangers; to a stranger a
   * slot that is kept from it is none.
   */
  occupancyFor(asker: { readonly contributes: boolean }): Occupancy {
    const { occupancy } = this
    if (asker.contributes) {
      const queueDepth = this.#waiting.filter(({ contributes }) => contributes).length
      return { ...occupancy, queueDepth }
    }
    const slots = this.#slots - Number(this.#keptUntilMs() > this.#init.now())
    return { ...occupancy, inFlight: Math.min(this.#running, slots), slots }
  }

  expectedTtftMsFor(asker: { readonly contributes: boolean }): number {
    return Math.round(this.#waitMs(asker) + this.#measured.firstTokenMs)
  }

  /** Whether all slots and places for the likes of it are taken. Another that holds more places may still give way. */
  isFullFor({ contributes }: { readonly contributes: boolean }): boolean {
    return this.#isFull(contributes) && !othersGiveWay(this.#waiting, contributes, this.#oneIn)
  }

  setSlots(slots: number): void {
    this.#slots = slots
    this.#advance()
  }

  observe(sample: ServedSample): void {
    this.#measured = observe(this.#measured, sample)
  }

  /**
   * Takes a slot or a place in the queue.
   *
   * @throws InferenceError `over_capacity` when the queue is full or the predicted wait is longer than the request
   *   has; `deadline_exceeded` when it has no time left.
   */
  enter(request: {
    readonly peer: string
    /** Where it comes from. @default one for all */
    readonly network?: string
    /** Whether it comes before strangers. @default false */
    readonly contributes?: boolean
    readonly deadlineAtMs: number
    readonly signal: AbortSignal
  }): Ticket {
    const { peer, network = '', contributes = false, deadlineAtMs, signal } = request
    signal.throwIfAborted()
    if (contributes) this.#contributorAtMs = this.#init.now()
    this.#check({ peer, network, contributes }, deadlineAtMs)
    const { queueDepth } = this.occupancyFor({ contributes })
    const expectedTtftMs = this.expectedTtftMsFor({ contributes })
    const slot = Promise.withResolvers<void>()
    // Whoever holds the ticket may leave before looking at it.
    slot.promise.catch(() => {})
    const onAbort = (): void => this.#leave(entry, signal.reason)
    const entry: Entry = {
      ...{ peer, network, contributes },
      arrival: ++this.#arrivals,
      since: this.#turn - 1,
      deadlineAtMs,
      status: 'waiting',
      grant: slot.resolve,
      refuse: slot.reject,
    }
    signal.addEventListener('abort', onAbort, { once: true })
    slot.promise.then(
      () => signal.removeEventListener('abort', onAbort),
      () => signal.removeEventListener('abort', onAbort),
    )
    this.#waiting.push(entry)
    this.#queuedSinceMs ??= this.#init.now()
    this.#advance()
    return {
      queuePosition: entry.status === 'waiting' ? queueDepth + 1 : 0,
      expectedTtftMs,
      granted: slot.promise,
      release: () => this.#release(entry),
    }
  }

  /** Resolves when nothing runs and nothing waits. */
  idle(): Promise<void> {
    if (this.#running === 0 && this.#waiting.length === 0) return Promise.resolve()
    return new Promise((resolve) => this.#idle.push(resolve))
  }

  #check(newcomer: Omit<Waiting, 'arrival' | 'since'>, deadlineAtMs: number): void {
    const remainingMs = deadlineAtMs - this.#init.now()
    if (remainingMs <= 0) throw outOfTime()
    const waitMs = this.#waitMs(newcomer)
    const retryAfterMs = Math.max(1, Math.ceil(waitMs || DEFAULT_RETRY_MS))
    if (waitMs > remainingMs) {
      throw new InferenceError(
        'over_capacity',
        `a slot is free in about ${Math.ceil(waitMs / 1000)} s, which is more time than the request has`,
        { retryAfterMs },
      )
    }
    if (!this.#isFull(newcomer.contributes)) return
    const victim = givesWay(this.#waiting, newcomer, this.#oneIn)
    const full = new InferenceError('over_capacity', 'all slots and the queue are full', {
      retryAfterMs,
    })
    if (victim === undefined) throw full
    this.#leave(victim, full)
  }

  /** The queue fills up behind a slot that is kept for contributors, too: its bound holds all the same. */
  #isFull(contributes: boolean): boolean {
    if (this.#waiting.length < this.#init.maxQueue) return false
    return this.#running >= this.#slots || (!contributes && this.#leavesLast(this.#init.now()))
  }

  /** A stranger waits for another slot than the kept one, or until that is kept no longer. */
  #waitMs({ contributes }: { readonly contributes: boolean }): number {
    const waitMs = predictedWaitMs(this.occupancyFor({ contributes }), this.#measured)
    const keptMs = this.#keptUntilMs() - this.#init.now()
    if (contributes || keptMs <= 0) return waitMs
    return Math.min(waitMs, keptMs + predictedWaitMs(this.occupancy, this.#measured))
  }

  #leave(entry: Entry, reason: unknown): void {
    if (entry.status !== 'waiting') return
    this.#release(entry)
    entry.refuse(reason)
  }

  #release(entry: Entry): void {
    const { status } = entry
    if (status === 'gone') return
    entry.status = 'gone'
    if (status === 'running') this.#running -= 1
    else this.#waiting.splice(this.#waiting.indexOf(entry), 1)
    this.#advance()
  }

  #advance(): void {
    const nowMs = this.#init.now()
    for (const late of this.#waiting.filter(({ deadlineAtMs }) => deadlineAtMs <= nowMs)) {
      this.#waiting.splice(this.#waiting.indexOf(late), 1)
      late.status = 'gone'
      late.refuse(outOfTime())
    }
    const overloaded =
      this.#queuedSinceMs !== undefined && nowMs - this.#queuedSinceMs >= OVERLOAD_AFTER_MS
    const lastTurn = (name: string): number | undefined => this.#turns.get(name)
    while (this.#running < this.#slots) {
      const strangersTurn = isStrangersTurn(this.#precedence)
      const left = this.#leavesLast(nowMs)
        ? this.#waiting.filter(({ contributes }) => contributes)
        : this.#waiting
      const next = nextTurn(left, lastTurn, { overloaded, strangersTurn })
      if (next === undefined) break
      this.#waiting.splice(this.#waiting.indexOf(next), 1)
      this.#running += 1
      next.status = 'running'
      this.#noteTurn(next)
      next.grant()
    }
    this.#setAlarm(nowMs)
    if (this.#waiting.length > 0) return
    this.#queuedSinceMs = undefined
    if (this.#running > 0) return
    for (const resolve of this.#idle.splice(0)) resolve()
  }

  /** Whether the last free slot is kept for a contributor. */
  #leavesLast(nowMs: number): boolean {
    return this.#running === this.#slots - 1 && nowMs < this.#keptUntilMs()
  }

  #keptUntilMs(): number {
    return keptUntilMs(this.#precedence)
  }

  get #precedence(): Precedence {
    return {
      slots: this.#slots,
      contributorAtMs: this.#contributorAtMs,
      passedOver: this.#passedOver,
      strangersTurn: this.#oneIn,
    }
  }

  /** Wakes for the end of a slot's being kept, and for the next deadline of one who waits. */
  #setAlarm(nowMs: number): void {
    const deadlines = this.#waiting.map(({ deadlineAtMs }) => deadlineAtMs)
    if (this.#waiting.length > 0 && this.#leavesLast(nowMs)) deadlines.push(this.#keptUntilMs())
    const atMs = Math.min(...deadlines)
    if (this.#alarm?.atMs === atMs) return
    this.#alarm?.timer[Symbol.dispose]()
    this.#alarm = undefined
    if (deadlines.length === 0) return
    const advance = (): void => {
      this.#alarm = undefined
      this.#advance()
    }
    const { after = systemClock.after } = this.#init
    this.#alarm = { atMs, timer: after(atMs - nowMs, advance, { background: true }) }
  }

  #noteTurn(next: Entry): void {
    this.#turn += 1
    for (const name of new Set([flowOf(next), `peer ${next.peer}`])) {
      this.#turns.delete(name)
      this.#turns.set(name, this.#turn)
    }
    while (this.#turns.size > MAX_TURNS) {
      const [oldest] = this.#turns.keys()
      if (oldest !== undefined) this.#turns.delete(oldest)
    }
    const isPassedOver = next.contributes && this.#waiting.some(({ contributes }) => !contributes)
    this.#passedOver = isPassedOver ? this.#passedOver + 1 : 0
  }
}

function outOfTime(): InferenceError {
  return new InferenceError(
    'deadline_exceeded',
    'the time for the request passed before a slot was free',
  )
}

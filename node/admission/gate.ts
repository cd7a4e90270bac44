import { LRUCache } from 'lru-cache'
import { InferenceError } from '../../protocol/index.ts'
import { type Clock, systemClock } from '../../timing/index.ts'
import {
  type Measured,
  type Occupancy,
  observe,
  predictedWaitMs,
  type ServedSample,
  UNMEASURED,
} from './estimate.ts'
import { isStrangersTurn, keptUntilMs, type Precedence, STRANGERS_TURN } from './kept-slot.ts'
import { OTHERS_AROUND_MS, OthersAround } from './others-around.ts'
import { flowOf, givesWay, nextTurn, othersGiveWay, type Waiting } from './turn.ts'

/** A queue that has not been empty for this long is overload, not a burst. */
const OVERLOAD_AFTER_MS = 10_000
/** Peers and networks whose last turn is kept. */
const MAX_TURNS = 2_048
/** How long slots count as contended after a request found none free. */
const CONTENDED_MS = 30_000
/** `retryAfterMs` of a refusal before anything was measured. */
const DEFAULT_RETRY_MS = 1_000

export interface GateInit {
  /** Requests that the engine works on at a time. */
  readonly slots: number
  /** Requests that wait for a slot at most. */
  readonly maxQueue: number
  readonly now: () => number
  /** @default the machine's */
  readonly after?: Clock['after']
  /** Whether a peer that asked is still connected. @default always */
  readonly isConnected?: (peer: string) => boolean
  /** While contributors and strangers wait, one turn in this many goes to a stranger. @default 5 */
  readonly strangersTurn?: number
}

export interface Ticket {
  /** 0 with a slot at once, 1 for the next in the queue. */
  readonly queuePosition: number
  readonly expectedTtftMs: number
  /**
   * Resolves with the slot. Rejects with the signal's reason, `deadline_exceeded` for a request whose time passed
   * in the queue, or `over_capacity` for one evicted in favour of a contributor, or of a peer with fewer requests.
   */
  readonly granted: Promise<void>
  /** Releases the slot or the place in the queue. Idempotent. */
  release(): void
}

interface Entry extends Waiting {
  readonly deadlineAtMs: number
  status: 'waiting' | 'running' | 'gone'
  startedAtMs: number
  readonly grant: () => void
  readonly refuse: (error: unknown) => void
}

/** The engine's slots and the queue for them. */
export class Gate {
  readonly #init: GateInit
  readonly #oneIn: number
  readonly #waiting: Entry[] = []
  /** Number of the last turn of each peer and network, oldest first. */
  readonly #turns = new LRUCache<string, number>({ max: MAX_TURNS })
  readonly #running = new Set<Entry>()
  readonly #peersAround: OthersAround
  readonly #flowsAround: OthersAround
  #slots: number
  #contendedAtMs = Number.NEGATIVE_INFINITY
  #arrivals = 0
  #turn = 0
  #passedOver = 0
  #contributorAtMs = Number.NEGATIVE_INFINITY
  #queuedSinceMs: number | undefined
  #measured: Measured = UNMEASURED
  #idle: (() => void)[] = []
  /** The next time-driven change in the queue: when it is due, and its timer. */
  #alarm: { readonly atMs: number; readonly timer: Disposable } | undefined

  constructor(init: GateInit) {
    this.#init = init
    this.#oneIn = init.strangersTurn ?? STRANGERS_TURN
    this.#slots = init.slots
    const isConnected = init.isConnected ?? (() => true)
    this.#peersAround = new OthersAround(isConnected)
    this.#flowsAround = new OthersAround(isConnected)
  }

  get occupancy(): Occupancy {
    return { inFlight: this.#running.size, queueDepth: this.#waiting.length, slots: this.#slots }
  }

  get measured(): Measured {
    return this.#measured
  }

  get expectedTtftMs(): number {
    const waitMs = this.#atLeastTheYoungest(this.occupancy)
    return Math.round(waitMs + this.#measured.firstTokenMs)
  }

  /** Whether all slots and all places in the queue are taken. */
  get full(): boolean {
    return this.#waiting.length >= this.#init.maxQueue && this.#running.size >= this.#slots
  }

  /** Whether a request waits for a slot, or found none free recently. Slow readers then lose their slots. */
  get contended(): boolean {
    return this.#waiting.length > 0 || this.#init.now() - this.#contendedAtMs < CONTENDED_MS
  }

  /**
   * Load as a request that comes now meets it: a contributor waits for contributors, and hardly for strangers; a slot
   * reserved for contributors does not count for a stranger.
   */
  occupancyFor(asker: { readonly contributes: boolean }): Occupancy {
    const { occupancy } = this
    if (asker.contributes) {
      const queueDepth = this.#waiting.filter(({ contributes }) => contributes).length
      return { ...occupancy, queueDepth }
    }
    const slots = this.#slots - Number(this.#keptUntilMs() > this.#init.now())
    return { ...occupancy, inFlight: Math.min(this.#running.size, slots), slots }
  }

  expectedTtftMsFor(asker: { readonly contributes: boolean }): number {
    return Math.round(this.#waitMs(asker) + this.#measured.firstTokenMs)
  }

  /** Whether all slots and places open to such a request are taken. A peer that holds more places may still be evicted. */
  isFullFor({ contributes }: { readonly contributes: boolean }): boolean {
    if (this.#waiting.length < this.#init.maxQueue) return false
    const hasSlot =
      this.#running.size < this.#slots && (contributes || !this.#leavesLast(this.#init.now()))
    return !hasSlot && !othersGiveWay(this.#waiting, contributes, this.#oneIn)
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
    /** Network of the peer. @default the same for all */
    readonly network?: string
    /** Whether it comes before strangers. @default false */
    readonly contributes?: boolean
    readonly deadlineAtMs: number
    readonly signal: AbortSignal
  }): Ticket {
    const { peer, network = '', contributes = false, deadlineAtMs, signal } = request
    signal.throwIfAborted()
    if (contributes) this.#contributorAtMs = this.#init.now()
    this.#peersAround.note(peer, peer, this.#init.now())
    this.#flowsAround.note(flowOf({ peer, network, contributes }), peer, this.#init.now())
    this.#check({ peer, network, contributes }, deadlineAtMs)
    const { queueDepth } = this.occupancyFor({ contributes })
    const expectedTtftMs = this.expectedTtftMsFor({ contributes })
    const slot = Promise.withResolvers<void>()
    // The caller may release the ticket without awaiting it.
    slot.promise.catch(() => {})
    const onAbort = (): void => this.#leave(entry, signal.reason)
    const entry: Entry = {
      ...{ peer, network, contributes },
      arrival: ++this.#arrivals,
      since: this.#turn - 1,
      deadlineAtMs,
      status: 'waiting',
      startedAtMs: 0,
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
    if (entry.status === 'waiting') this.#contendedAtMs = this.#init.now()
    return {
      queuePosition: entry.status === 'waiting' ? queueDepth + 1 : 0,
      expectedTtftMs,
      granted: slot.promise,
      release: () => this.#release(entry),
    }
  }

  /** Resolves when nothing runs and nothing waits. */
  idle(): Promise<void> {
    if (this.#running.size === 0 && this.#waiting.length === 0) return Promise.resolve()
    return new Promise((resolve) => this.#idle.push(resolve))
  }

  #check(newcomer: Omit<Waiting, 'arrival' | 'since'>, deadlineAtMs: number): void {
    const remainingMs = deadlineAtMs - this.#init.now()
    if (remainingMs <= 0) throw outOfTime()
    const waitMs = this.#waitMs(newcomer)
    const retryAfterMs = Math.max(1, Math.ceil(waitMs || DEFAULT_RETRY_MS))
    if (waitMs > remainingMs) {
      this.#contendedAtMs = this.#init.now()
      throw new InferenceError(
        'over_capacity',
        `a slot is free in about ${Math.ceil(waitMs / 1000)} s, which is more time than the request has`,
        { retryAfterMs },
      )
    }
    if (this.#waiting.length < this.#init.maxQueue) return
    if (this.#mayStart(newcomer, this.#init.now())) return
    this.#contendedAtMs = this.#init.now()
    const victim = givesWay(this.#waiting, newcomer, this.#oneIn)
    const full = new InferenceError('over_capacity', 'all slots and the queue are full', {
      retryAfterMs,
    })
    if (victim === undefined) throw full
    this.#leave(victim, full)
  }

  /** Whether a slot is free for it: the last one may be reserved for contributors, or for peers that hold none. */
  #mayStart(one: Omit<Waiting, 'arrival' | 'since'>, nowMs: number): boolean {
    if (this.#running.size >= this.#slots) return false
    if (!one.contributes && this.#leavesLast(nowMs)) return false
    return this.#keptFromUntilMs(one) <= nowMs
  }

  /**
   * Until when the last slot is reserved against a stranger that holds a slot already, or whose network holds all
   * others: while peers without a slot are active, those with one do not take all. −∞ if nothing is reserved.
   */
  #keptFromUntilMs(one: Omit<Waiting, 'arrival' | 'since'>): number {
    if (one.contributes || this.#slots <= 1) return Number.NEGATIVE_INFINITY
    if (this.#running.size !== this.#slots - 1) return Number.NEGATIVE_INFINITY
    const running = [...this.#running]
    const flow = flowOf(one)
    const holders = new Set(running.map(({ peer }) => peer))
    const otherPeerAtMs = holders.has(one.peer)
      ? this.#peersAround.lastOtherThan(one.peer, (peer) => holders.has(peer))
      : Number.NEGATIVE_INFINITY
    const otherFlowAtMs = running.every((other) => flowOf(other) === flow)
      ? this.#flowsAround.lastOtherThan(flow)
      : Number.NEGATIVE_INFINITY
    return Math.max(otherPeerAtMs, otherFlowAtMs) + OTHERS_AROUND_MS
  }

  /** A stranger waits for a slot that is not reserved, or until the reservation ends. */
  #waitMs({ contributes }: { readonly contributes: boolean }): number {
    const waitMs = this.#atLeastTheYoungest(this.occupancyFor({ contributes }))
    const keptMs = this.#keptUntilMs() - this.#init.now()
    if (contributes || keptMs <= 0) return waitMs
    return Math.min(waitMs, keptMs + this.#atLeastTheYoungest(this.occupancy))
  }

  /**
   * Where no slot is free, the wait is at least as long as the youngest running request has run: what has run for
   * longer than the average will hardly end within it.
   */
  #atLeastTheYoungest(occupancy: Occupancy): number {
    const waitMs = predictedWaitMs(occupancy, this.#measured)
    if (this.#running.size < this.#slots) return waitMs
    const youngestAtMs = Math.max(...[...this.#running].map(({ startedAtMs }) => startedAtMs))
    return Math.max(waitMs, this.#init.now() - youngestAtMs)
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
    if (status === 'running') this.#running.delete(entry)
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
    const lastTurn = (name: string): number | undefined => this.#turns.peek(name)
    while (this.#running.size < this.#slots) {
      const strangersTurn = isStrangersTurn(this.#precedence)
      const mayStart = this.#waiting.filter((one) => this.#mayStart(one, nowMs))
      const next = nextTurn(mayStart, lastTurn, { overloaded, strangersTurn })
      if (next === undefined) break
      this.#waiting.splice(this.#waiting.indexOf(next), 1)
      this.#running.add(next)
      next.status = 'running'
      next.startedAtMs = nowMs
      this.#noteTurn(next)
      next.grant()
    }
    this.#setAlarm(nowMs)
    if (this.#waiting.length > 0) return
    this.#queuedSinceMs = undefined
    if (this.#running.size > 0) return
    for (const resolve of this.#idle.splice(0)) resolve()
  }

  /** Whether the last free slot is reserved for a contributor. */
  #leavesLast(nowMs: number): boolean {
    return this.#running.size === this.#slots - 1 && nowMs < this.#keptUntilMs()
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

  /** Schedules a wake-up for the end of a reservation and for the next deadline in the queue. */
  #setAlarm(nowMs: number): void {
    const deadlines = this.#waiting.map(({ deadlineAtMs }) => deadlineAtMs)
    if (this.#waiting.length > 0 && this.#leavesLast(nowMs)) deadlines.push(this.#keptUntilMs())
    for (const one of this.#waiting) {
      const keptMs = this.#keptFromUntilMs(one)
      if (keptMs > nowMs) deadlines.push(keptMs)
    }
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
    for (const name of [flowOf(next), `peer ${next.peer}`]) this.#turns.set(name, this.#turn)
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

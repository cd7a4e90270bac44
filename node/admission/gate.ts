import { InferenceError } from '../../protocol/index.ts'
import {
  type Measured,
  type Occupancy,
  observe,
  predictedTtftMs,
  predictedWaitMs,
  type ServedSample,
  UNMEASURED,
} from './estimate.ts'
import { flowOf, givesWay, nextTurn, STRANGERS_TURN, type Waiting } from './turn.ts'

/** A queue that has not been empty for this long is overload, not a burst. */
const OVERLOAD_AFTER_MS = 10_000
/** Peers and networks whose last turn is remembered. */
const MAX_TURNS = 2_048
/** Strangers leave the last slot free for so long after a contributor was here, so that the next one finds it. */
const CONTRIBUTORS_AROUND_MS = 60_000
/** Told to those who are refused while nothing was measured. */
const DEFAULT_RETRY_MS = 1_000

export interface GateInit {
  /** Requests that the engine works on at a time. */
  readonly slots: number
  /** Requests that wait for a slot at most. */
  readonly maxQueue: number
  readonly now: () => number
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
  readonly #waiting: Entry[] = []
  /** Number of the last turn of each peer and network, oldest first. */
  readonly #turns = new Map<string, number>()
  #slots: number
  #running = 0
  #arrivals = 0
  #turn = 0
  /** Turns in a row that were contributors', while strangers waited. */
  #strangersWaited = 0
  #contributorMs = Number.NEGATIVE_INFINITY
  #queuedSinceMs: number | undefined
  #measured: Measured = UNMEASURED
  #idle: (() => void)[] = []

  constructor(init: GateInit) {
    this.#init = init
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

  /** Whether the next request of a stranger that holds no place would be refused. */
  get full(): boolean {
    return this.#isFull(false)
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
    if (contributes) this.#contributorMs = this.#init.now()
    this.#check({ peer, network, contributes }, deadlineAtMs)
    const occupancy = this.#occupancyFor(contributes)
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
      queuePosition: entry.status === 'waiting' ? occupancy.queueDepth + 1 : 0,
      expectedTtftMs: predictedTtftMs(occupancy, this.#measured),
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
    const waitMs = predictedWaitMs(this.#occupancyFor(newcomer.contributes), this.#measured)
    const retryAfterMs = Math.max(1, Math.ceil(waitMs || DEFAULT_RETRY_MS))
    if (waitMs > remainingMs) {
      throw new InferenceError(
        'over_capacity',
        `a slot is free in about ${Math.ceil(waitMs / 1000)} s, which is more time than the request has`,
        { retryAfterMs },
      )
    }
    if (!this.#isFull(newcomer.contributes)) return
    const victim = givesWay(this.#waiting, newcomer)
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

  /** Whom it has to wait for: strangers wait for contributors, and hardly the other way round. */
  #occupancyFor(contributes: boolean): Occupancy {
    if (!contributes) return this.occupancy
    const before = this.#waiting.filter((entry) => entry.contributes)
    return { ...this.occupancy, queueDepth: before.length }
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
    while (this.#running < this.#slots) {
      const strangersTurn = this.#strangersWaited >= STRANGERS_TURN - 1
      const lastTurn = (name: string): number | undefined => this.#turns.get(name)
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
    if (this.#waiting.length > 0) return
    this.#queuedSinceMs = undefined
    if (this.#running > 0) return
    for (const resolve of this.#idle.splice(0)) resolve()
  }

  /** Whether the last free slot is kept for a contributor. */
  #leavesLast(nowMs: number): boolean {
    const isLast = this.#slots > 1 && this.#running === this.#slots - 1
    return isLast && nowMs - this.#contributorMs < CONTRIBUTORS_AROUND_MS
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
    this.#strangersWaited = isPassedOver ? this.#strangersWaited + 1 : 0
  }
}

function outOfTime(): InferenceError {
  return new InferenceError(
    'deadline_exceeded',
    'the time for the request passed before a slot was free',
  )
}

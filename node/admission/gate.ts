import { type Clock, followSignal } from '../../timing/index.ts'
import { Alarm } from './alarm.ts'
import { Contention } from './contention.ts'
import {
  type Measured,
  type Occupancy,
  observe,
  predictedWaitMs,
  type ServedSample,
  UNMEASURED,
} from './estimate.ts'
import type { Entry, GateRequest, Ticket } from './gate-entry.ts'
import { LastSlot, type LastSlotInit, type Slots } from './last-slot.ts'
import { type DueReturn, LentSlots, type TimedWaiting } from './lent-slots.ts'
import { allTaken, longerThanItHas, outOfTime, slotNeeded } from './refusals.ts'
import { givesWay, nextTurn, othersGiveWay } from './turn.ts'
import { TurnNumbers } from './turn-numbers.ts'

/** A queue that has not been empty for this long is overload, not a burst. */
const OVERLOAD_AFTER_MS = 10_000
/** `retryAfterMs` of a refusal before anything was measured. */
const DEFAULT_RETRY_MS = 1_000

export interface GateInit extends LastSlotInit {
  /** Requests that the engine works on at a time. */
  readonly slots: number
  /** Requests that wait for a slot at most. */
  readonly maxQueue: number
  readonly now: () => number
  /** @default the machine's */
  readonly after?: Clock['after']
}

/** The engine's slots and the queue for them. */
export class Gate {
  readonly #init: GateInit
  readonly #waiting: Entry[] = []
  readonly #turns = new TurnNumbers()
  readonly #running = new Set<Entry>()
  readonly #lastSlot: LastSlot
  readonly #lent = new LentSlots()
  #slots: number
  #maxQueue: number
  readonly #contention: Contention
  #arrivals = 0
  #queuedSinceMs: number | undefined
  #measured: Measured = UNMEASURED
  #idle: (() => void)[] = []
  readonly #alarm: Alarm

  constructor(init: GateInit) {
    this.#init = init
    this.#slots = init.slots
    this.#maxQueue = init.maxQueue
    this.#lastSlot = new LastSlot(init)
    this.#contention = new Contention(init.isConnected)
    this.#alarm = new Alarm({ ring: () => this.#advance(), after: init.after })
  }

  /** Sets another limit for requests that arrive later; those that wait keep their places. */
  limitQueue(maxQueue: number): void {
    this.#maxQueue = maxQueue
  }

  get occupancy(): Occupancy {
    return { inFlight: this.#running.size, queueDepth: this.#waiting.length, slots: this.#slots }
  }

  get measured(): Measured {
    return this.#measured
  }

  get expectedTtftMs(): number {
    return Math.round(this.#predicted(this.occupancy) + this.#measured.firstTokenMs)
  }

  /** Whether all slots and all places in the queue are taken. */
  get full(): boolean {
    return this.#waiting.length >= this.#maxQueue && this.#running.size >= this.#slots
  }

  /** Whether a request of another peer waits for a slot, or found none free recently. Slow readers then lose theirs. */
  isContendedFor(peer: string): boolean {
    return this.#contention.isFor(peer, this.#waiting, this.#init.now())
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
    const keptUntilMs = this.#lastSlot.forContributorsUntilMs(this.#slots)
    const slots = this.#slots - Number(keptUntilMs > this.#init.now())
    return { ...occupancy, inFlight: Math.min(this.#running.size, slots), slots }
  }

  expectedTtftMsFor(asker: { readonly contributes: boolean }): number {
    return Math.round(this.#waitMs(asker) + this.#measured.firstTokenMs)
  }

  /** Whether all slots and places open to such a request are taken. A peer that holds more places may still be evicted. */
  isFullFor({ contributes }: { readonly contributes: boolean }): boolean {
    if (this.#waiting.length < this.#maxQueue) return false
    const nowMs = this.#init.now()
    const hasSlot =
      this.#running.size < this.#slots &&
      (contributes || !this.#lastSlot.isForContributors(this.#taken, nowMs))
    return !hasSlot && !othersGiveWay(this.#waiting, contributes, this.#lastSlot.strangersTurn)
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
  enter(request: GateRequest): Ticket {
    const { peer, network = '', contributes = false, deadlineAtMs, signal } = request
    signal.throwIfAborted()
    const newcomer: TimedWaiting = {
      ...{ peer, network, contributes },
      arrival: ++this.#arrivals,
      since: this.#turns.latest - 1,
      enteredAtMs: this.#init.now(),
    }
    this.#lastSlot.asked(newcomer, newcomer.enteredAtMs)
    const waitMs = this.#waitOf(newcomer)
    this.#check(newcomer, waitMs, deadlineAtMs)
    const { queueDepth } = this.occupancyFor({ contributes })
    const expectedTtftMs = Math.round(waitMs + this.#measured.firstTokenMs)
    const slot = Promise.withResolvers<void>()
    const entry: Entry = {
      ...newcomer,
      deadlineAtMs,
      status: 'waiting',
      startedAtMs: 0,
      revoke: request.onRevoke ?? (() => {}),
      grant: slot.resolve,
      refuse: slot.reject,
    }
    this.#waiting.push(entry)
    this.#queuedSinceMs ??= this.#init.now()
    this.#advance()
    const isWaiting = entry.status === 'waiting'
    if (isWaiting) {
      this.#contention.note(peer, newcomer.enteredAtMs)
      const following = followSignal(signal, (reason) => this.#leave(entry, reason))
      const settled = (): void => following[Symbol.dispose]()
      // The caller may release the ticket without awaiting it.
      slot.promise.then(settled, settled)
    }
    return {
      queuePosition: isWaiting ? queueDepth + 1 : 0,
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

  #check(newcomer: TimedWaiting, waitMs: number, deadlineAtMs: number): void {
    const remainingMs = deadlineAtMs - newcomer.enteredAtMs
    if (remainingMs <= 0) throw outOfTime()
    const retryAfterMs = Math.max(1, Math.ceil(waitMs || DEFAULT_RETRY_MS))
    const hasPlace =
      this.#waiting.length < this.#maxQueue ||
      this.#lastSlot.isFreeFor(newcomer, this.#taken, newcomer.enteredAtMs)
    if (waitMs <= remainingMs && hasPlace) return
    this.#contention.note(newcomer.peer, newcomer.enteredAtMs)
    if (waitMs > remainingMs) throw longerThanItHas(waitMs, retryAfterMs)
    const victim = givesWay(this.#waiting, newcomer, this.#lastSlot.strangersTurn)
    const full = allTaken(retryAfterMs)
    if (victim === undefined) throw full
    this.#leave(victim, full)
  }

  /** Predicted wait of this request. What others queued does not delay one that has a slot, or is owed one. */
  #waitOf(one: TimedWaiting): number {
    const nowMs = one.enteredAtMs
    if (this.#lastSlot.isFreeFor(one, this.#taken, nowMs)) return 0
    const owedAtMs = this.#lent.next([...this.#running], [one], nowMs, this.#keptUntilMs)?.dueAtMs
    const waitMs = this.#waitMs(one)
    return owedAtMs === undefined ? waitMs : Math.min(waitMs, Math.max(0, owedAtMs - nowMs))
  }

  /** A stranger waits for a slot that is not reserved, or until the reservation ends. */
  #waitMs({ contributes }: { readonly contributes: boolean }): number {
    const waitMs = this.#predicted(this.occupancyFor({ contributes }))
    const keptMs = this.#lastSlot.forContributorsUntilMs(this.#slots) - this.#init.now()
    if (contributes || keptMs <= 0) return waitMs
    return Math.min(waitMs, keptMs + this.#predicted(this.occupancy))
  }

  #predicted(occupancy: Occupancy): number {
    if (this.#running.size < this.#slots) return predictedWaitMs(occupancy, this.#measured)
    const startedAtMs = [...this.#running].map((one) => one.startedAtMs)
    return predictedWaitMs(occupancy, this.#measured, this.#init.now() - Math.max(...startedAtMs))
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
    if (status === 'running' || status === 'revoked') this.#running.delete(entry)
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
    while (this.#waiting.length > 0 && this.#running.size < this.#slots) {
      const strangersTurn = this.#lastSlot.isStrangersTurn
      const mayStart = this.#waiting.filter((one) =>
        this.#lastSlot.isFreeFor(one, this.#taken, nowMs),
      )
      const next = nextTurn(mayStart, this.#turns.lastOf, { overloaded, strangersTurn })
      if (next === undefined) break
      this.#waiting.splice(this.#waiting.indexOf(next), 1)
      this.#running.add(next)
      next.status = 'running'
      next.startedAtMs = nowMs
      this.#turns.take(next)
      this.#lastSlot.granted(
        next,
        this.#waiting.some(({ contributes }) => !contributes),
      )
      next.grant()
    }
    const due = this.#waiting.length === 0 ? undefined : this.#nextReturn(nowMs)
    this.#setAlarm(nowMs, due?.dueAtMs)
    if (due !== undefined && due.dueAtMs <= nowMs) this.#revoke(due, nowMs)
    if (this.#waiting.length > 0) return
    this.#queuedSinceMs = undefined
    if (this.#running.size > 0) return
    for (const resolve of this.#idle.splice(0)) resolve()
  }

  /** One at a time: the next decision needs to know who gets the slot. */
  #nextReturn(nowMs: number): DueReturn<Entry> | undefined {
    const running = [...this.#running]
    if (running.some(({ status }) => status === 'revoked')) return undefined
    return this.#lent.next(running, this.#waiting, nowMs, this.#keptUntilMs)
  }

  /** Until when a slot stays reserved against a request while only these run. */
  readonly #keptUntilMs = (one: TimedWaiting, running: ReadonlySet<Entry>): number =>
    this.#lastSlot.keptUntilMs(one, { count: this.#slots, running })

  #revoke({ peer, victim }: DueReturn<Entry>, nowMs: number): void {
    this.#lent.given(peer, nowMs)
    victim.status = 'revoked'
    victim.revoke(slotNeeded())
  }

  get #taken(): Slots {
    return { count: this.#slots, running: this.#running }
  }

  /** Schedules a wake-up for the next return, the end of a reservation and the next deadline in the queue. */
  #setAlarm(nowMs: number, returnAtMs = 0): void {
    const deadlines = this.#waiting.map(({ deadlineAtMs }) => deadlineAtMs)
    if (returnAtMs > nowMs) deadlines.push(returnAtMs)
    for (const one of this.#waiting) {
      const keptMs = this.#lastSlot.keptUntilMs(one, this.#taken)
      if (keptMs > nowMs) deadlines.push(keptMs)
    }
    this.#alarm.set(Math.min(...deadlines), nowMs)
  }
}

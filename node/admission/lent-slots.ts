import { LRUCache } from 'lru-cache'
import { flowOf, type Waiting } from './turn.ts'

/** How long a request waits for a slot that is not returned at once, and how long its holder keeps it at least. */
const OVERSTAY_MS = 5_000
/** A peer that was given a slot at once is given no other at once for this long. */
const AGAIN_MS = 60_000
/** Peers whose last gift is kept. */
const MAX_PEERS = 1_024

export interface TimedWaiting extends Waiting {
  /** When it began to wait. */
  readonly enteredAtMs: number
}

export interface TimedRunning extends Waiting {
  readonly startedAtMs: number
}

/** A running request that has to end so that another can begin. */
export interface DueReturn<T> {
  readonly victim: T
  /** Peer that waits. */
  readonly peer: string
  /** When a slot is due. Afterwards a younger request may be the victim. */
  readonly dueAtMs: number
}

/**
 * Which running request ends for a waiting one, and when. Slots beyond a peer's first are on loan: it returns one for a
 * peer without any, of its own network or of one that has at least two fewer. So does a network. A return is due at
 * once, so that a peer that was alone can use every slot and yet keeps no other waiting; to a peer that was given one
 * within {@link AGAIN_MS}, it is due once that peer has waited, and the running request run, for {@link OVERSTAY_MS}.
 * The victim is the youngest of the holder with the most. Contributors return nothing to strangers. A holder of one slot
 * is left alone: ending its answer would only exchange one peer's wait for another's, and cost the work done.
 */
export class LentSlots {
  readonly #givenAtMs = new LRUCache<string, number>({ max: MAX_PEERS })

  /** A slot was returned to the peer. */
  given(peer: string, nowMs: number): void {
    this.#givenAtMs.set(peer, nowMs)
  }

  /**
   * The earliest return; `undefined` if none of the waiting requests is owed any.
   *
   * @param keptUntilMs until when a request may not take the slot that such a return leaves free
   */
  next<T extends TimedRunning>(
    running: readonly T[],
    waiting: readonly TimedWaiting[],
    nowMs: number,
    keptUntilMs: (one: TimedWaiting, left: ReadonlySet<T>) => number,
  ): DueReturn<T> | undefined {
    const slots = new Map<string, number>()
    for (const one of running) slots.set(flowOf(one), (slots.get(flowOf(one)) ?? 0) + 1)
    const slotsOf = (flow: string): number => slots.get(flow) ?? 0
    let first: DueReturn<T> | undefined
    for (const one of waiting) {
      if (running.some(({ peer }) => peer === one.peer)) continue
      const flow = flowOf(one)
      const lent = running.filter(
        (other) =>
          (one.contributes || !other.contributes) &&
          (flowOf(other) === flow || slotsOf(flowOf(other)) >= slotsOf(flow) + 2),
      )
      const ofOthers = lent.filter((other) => flowOf(other) !== flow)
      for (const due of [
        this.#dueFor(one, lent, ({ peer }) => `peer ${peer}`, nowMs),
        this.#dueFor(one, ofOthers, flowOf, nowMs),
      ]) {
        if (due === undefined) continue
        const left = new Set(running.filter((other) => other !== due.victim))
        const dueAtMs = Math.max(due.dueAtMs, keptUntilMs(one, left))
        if (dueAtMs < (first?.dueAtMs ?? Number.POSITIVE_INFINITY)) first = { ...due, dueAtMs }
      }
    }
    return first
  }

  /** Of the holder with the most slots, if it has several. */
  #dueFor<T extends TimedRunning>(
    { peer, enteredAtMs }: TimedWaiting,
    lent: readonly T[],
    holderOf: (one: T) => string,
    nowMs: number,
  ): DueReturn<T> | undefined {
    const groups = [...Map.groupBy(lent, holderOf)].filter(([, { length }]) => length > 1)
    const [most] = groups.toSorted(([, one], [, other]) => other.length - one.length)
    if (most === undefined) return undefined
    const youngestFirst = most[1].toSorted(
      (one, other) => other.startedAtMs - one.startedAtMs || other.arrival - one.arrival,
    )
    const againAtMs = (this.#givenAtMs.peek(peer) ?? Number.NEGATIVE_INFINITY) + AGAIN_MS
    const atOnceMs = Math.max(enteredAtMs, againAtMs)
    const oldestAtMs = youngestFirst.at(-1)?.startedAtMs ?? Number.POSITIVE_INFINITY
    const overstayedMs = Math.max(enteredAtMs, oldestAtMs) + OVERSTAY_MS
    const dueAtMs = Math.min(atOnceMs, overstayedMs)
    const isAtOnce = atOnceMs <= Math.max(nowMs, dueAtMs)
    const victim = isAtOnce
      ? youngestFirst[0]
      : youngestFirst.find(
          ({ startedAtMs }) => startedAtMs + OVERSTAY_MS <= Math.max(nowMs, dueAtMs),
        )
    return victim && { victim, peer, dueAtMs }
  }
}

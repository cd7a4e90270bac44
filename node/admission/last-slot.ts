import { OTHERS_AROUND_MS, OthersAround } from './others-around.ts'
import { flowOf, type Waiting } from './turn.ts'

/** How long the last slot stays reserved after a contributor asked, so that the next one finds it free. */
const CONTRIBUTORS_AROUND_MS = 60_000
/** While contributors and strangers wait, one turn in this many goes to a stranger. */
const STRANGERS_TURN = 5

type Asker = Omit<Waiting, 'arrival' | 'since'>

/** The engine's slots and the requests that hold them. */
export interface Slots {
  readonly count: number
  readonly running: ReadonlySet<Asker>
}

export interface LastSlotInit {
  /** Whether a peer that asked is still connected. @default always */
  readonly isConnected?: ((peer: string) => boolean) | undefined
  /** While contributors and strangers wait, one turn in this many goes to a stranger. @default 5 */
  readonly strangersTurn?: number | undefined
}

/** Reserves the last free slot: for contributors against strangers, and for peers without a slot against those with one. */
export class LastSlot {
  readonly strangersTurn: number
  readonly #peersAround: OthersAround
  readonly #flowsAround: OthersAround
  /** When a contributor last asked; −∞ if never. */
  #contributorAtMs = Number.NEGATIVE_INFINITY
  /** Consecutive turns of contributors while strangers waited. */
  #passedOver = 0

  constructor({ isConnected = () => true, strangersTurn = STRANGERS_TURN }: LastSlotInit) {
    this.strangersTurn = strangersTurn
    this.#peersAround = new OthersAround(isConnected)
    this.#flowsAround = new OthersAround(isConnected)
  }

  /** Whether strangers were passed over so often that the next turn is theirs, even for the last slot. */
  get isStrangersTurn(): boolean {
    return this.#passedOver >= this.strangersTurn - 1
  }

  /** A request arrived. */
  asked(one: Asker, nowMs: number): void {
    if (one.contributes) this.#contributorAtMs = nowMs
    this.#peersAround.note(one.peer, one.peer, nowMs)
    this.#flowsAround.note(flowOf(one), one.peer, nowMs)
  }

  /** A request got its slot. */
  granted({ contributes }: Asker, strangersWait: boolean): void {
    this.#passedOver = contributes && strangersWait ? this.#passedOver + 1 : 0
  }

  /** Whether a slot is free for it: the last one may be reserved for contributors, or for peers that hold none. */
  isFreeFor(one: Asker, slots: Slots, nowMs: number): boolean {
    return slots.running.size < slots.count && this.keptUntilMs(one, slots) <= nowMs
  }

  /** Until when the last slot is reserved against this request; −∞ if it is not, or if several are free. */
  keptUntilMs(one: Asker, slots: Slots): number {
    const isLast = slots.running.size === slots.count - 1
    if (one.contributes || !isLast) return Number.NEGATIVE_INFINITY
    return Math.max(this.forContributorsUntilMs(slots.count), this.forOthersUntilMs(one, slots))
  }

  /** Whether only one slot is free, and reserved for a contributor. */
  isForContributors({ count, running }: Slots, nowMs: number): boolean {
    return running.size === count - 1 && nowMs < this.forContributorsUntilMs(count)
  }

  /** Until when one slot is reserved for contributors; 0 if none is. */
  forContributorsUntilMs(slots: number): number {
    if (slots <= 1 || this.isStrangersTurn) return 0
    return Math.max(0, this.#contributorAtMs + CONTRIBUTORS_AROUND_MS)
  }

  /**
   * Until when the last slot is reserved against a stranger that holds a slot already, or whose network holds all
   * others: while peers without a slot are active, those with one do not take all. −∞ if nothing is reserved.
   */
  forOthersUntilMs(one: Asker, { count, running }: Slots): number {
    const isLast = count > 1 && running.size === count - 1
    if (one.contributes || !isLast) return Number.NEGATIVE_INFINITY
    const flow = flowOf(one)
    const holders = new Set([...running].map(({ peer }) => peer))
    const otherPeerAtMs = holders.has(one.peer)
      ? this.#peersAround.lastOtherThan(one.peer, (peer) => holders.has(peer))
      : Number.NEGATIVE_INFINITY
    const otherFlowAtMs = [...running].every((other) => flowOf(other) === flow)
      ? this.#flowsAround.lastOtherThan(flow)
      : Number.NEGATIVE_INFINITY
    return Math.max(otherPeerAtMs, otherFlowAtMs) + OTHERS_AROUND_MS
  }
}

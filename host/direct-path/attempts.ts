import { LRUCache } from 'lru-cache'
import { backoffMs, EQUAL_JITTER } from '../../timing/index.ts'
import { PeerRates } from '../peer-rates.ts'
import { DIRECT_PATH } from './limits.ts'

/** Peers whose failures are remembered. */
const MAX_PEERS = 4_096

/** The side that offers. */
type Side = 'own' | 'offered'

const MAX_OFFERED = DIRECT_PATH.maxAttempts * DIRECT_PATH.offeredPart

interface Past {
  readonly failures: number
  readonly dueMs: number
}

/**
 * Which attempts at direct paths may begin: few at a time, one with a peer, and ever fewer with one where they fail. A path
 * that opens counts as a failure until it is proven: many NATs and firewalls let a new flow through and drop it later.
 */
export class Attempts {
  readonly #self: string
  /** Peers with an attempt under way, by the side that offered. */
  readonly #running: Readonly<Record<Side, Set<string>>> = { own: new Set(), offered: new Set() }
  readonly #past = new LRUCache<string, Past>({ max: MAX_PEERS })
  readonly #offers = new PeerRates(DIRECT_PATH.perPeer)
  readonly #totals: Readonly<Record<Side, PeerRates>> = {
    own: new PeerRates(DIRECT_PATH.total),
    offered: new PeerRates(DIRECT_PATH.total),
  }

  /** @param self peer id of this host, in text */
  constructor(self: string) {
    this.#self = self
  }

  /** Attempts under way. */
  get running(): number {
    return this.#running.own.size + this.#running.offered.size
  }

  /** Begins an attempt of this host's own, if it is due. */
  begin(peer: string, nowMs: number): boolean {
    const isBusy = this.#running.own.has(peer) || this.#running.offered.has(peer)
    if (isBusy || (this.#past.get(peer)?.dueMs ?? 0) > nowMs) return false
    return this.#take('own', peer, nowMs)
  }

  /**
   * Begins an attempt that a peer offers. Where both sides offer at once, the offer of the one whose id comes first in
   * the alphabet holds.
   */
  beginOffered(peer: string, nowMs: number): boolean {
    if (!this.#offers.take(peer, nowMs)) return false
    const { own, offered } = this.#running
    const isCrossed = own.has(peer) && peer >= this.#self
    if (isCrossed || offered.has(peer) || offered.size >= MAX_OFFERED) return false
    return this.#take('offered', peer, nowMs)
  }

  /** Ends an attempt, whether a path opened or not. The next one of this host's own comes later the more often it failed. @param random 0 to 1 */
  end(side: Side, peer: string, nowMs: number, random: number): void {
    this.#running[side].delete(peer)
    // Of two that crossed, the one that was given up says nothing.
    if (this.#running.offered.has(peer)) return
    this.#postpone(peer, this.#failures(peer) + 1, nowMs, random)
  }

  /** A path to the peer has carried an answer, or lasted: earlier failures no longer count. */
  proven(peer: string): void {
    const past = this.#past.get(peer)
    if (past !== undefined) this.#past.set(peer, { ...past, failures: 0 })
  }

  /** A path to the peer has ended. */
  lost(peer: string, nowMs: number, random: number): void {
    this.#postpone(peer, this.#failures(peer), nowMs, random)
  }

  #failures(peer: string): number {
    return this.#past.get(peer)?.failures ?? 0
  }

  #postpone(peer: string, failures: number, nowMs: number, random: number): void {
    const backoff = { ...DIRECT_PATH.backoff, jitter: EQUAL_JITTER }
    const dueMs = nowMs + backoffMs(Math.max(0, failures - 1), backoff, random)
    this.#past.set(peer, { failures, dueMs })
  }

  #take(side: Side, peer: string, nowMs: number): boolean {
    if (this.running >= DIRECT_PATH.maxAttempts) return false
    if (!this.#totals[side].take('all', nowMs)) return false
    this.#running[side].add(peer)
    return true
  }
}

import { LRUCache } from 'lru-cache'
import { backoffMs, EQUAL_JITTER } from '../../timing/index.ts'
import { PeerRates } from '../peer-rates.ts'
import { DIRECT_PATH } from './limits.ts'

/** Peers whose failures are remembered. */
const MAX_PEERS = 4_096

interface Past {
  readonly failures: number
  readonly dueMs: number
}

/** Which attempts at direct paths may begin: few at a time, one with a peer, and ever fewer with one where they fail. */
export class Attempts {
  readonly #self: string
  readonly #running = new Set<string>()
  readonly #past = new LRUCache<string, Past>({ max: MAX_PEERS })
  readonly #offers = new PeerRates(DIRECT_PATH.perPeer)
  readonly #total = new PeerRates(DIRECT_PATH.total)
  readonly #totalOffered = new PeerRates(DIRECT_PATH.total)

  /** @param self peer id of this host, in text */
  constructor(self: string) {
    this.#self = self
  }

  /** Attempts under way. */
  get running(): number {
    return this.#running.size
  }

  /** Begins an attempt of this host's own, if it is due. */
  begin(peer: string, nowMs: number): boolean {
    if ((this.#past.get(peer)?.dueMs ?? 0) > nowMs) return false
    return this.#take(peer, nowMs, this.#total)
  }

  /**
   * Begins an attempt that a peer offers. Where both sides offer at once, the offer of the one whose id comes first in
   * the alphabet holds.
   */
  beginOffered(peer: string, nowMs: number): boolean {
    if (!this.#offers.take(peer, nowMs)) return false
    if (this.#running.has(peer) && peer < this.#self) this.#running.delete(peer)
    return this.#take(peer, nowMs, this.#totalOffered)
  }

  /** Ends an attempt. The next one of this host's own comes later the more often it failed. @param random 0 to 1 */
  end(peer: string, isOpen: boolean, nowMs: number, random: number): void {
    this.#running.delete(peer)
    const failures = isOpen ? 0 : (this.#past.get(peer)?.failures ?? 0) + 1
    const backoff = { ...DIRECT_PATH.backoff, jitter: EQUAL_JITTER }
    const dueMs = nowMs + backoffMs(Math.max(0, failures - 1), backoff, random)
    this.#past.set(peer, { failures, dueMs })
  }

  #take(peer: string, nowMs: number, total: PeerRates): boolean {
    if (this.#running.has(peer) || this.#running.size >= DIRECT_PATH.maxAttempts) return false
    if (!total.take('all', nowMs)) return false
    this.#running.add(peer)
    return true
  }
}

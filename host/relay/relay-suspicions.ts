import type { Multiaddr } from '@multiformats/multiaddr'
import { LRUCache } from 'lru-cache'
import { relayOf } from './relayed.ts'

/** A relay that froze is tried last for so long; with no other path it is still tried. */
const SUSPECT_MS = 60_000
const MAX_SUSPECTS = 256

/** Relays over which peers went silent lately. */
export class RelaySuspicions {
  readonly #untilMs = new LRUCache<string, number>({ max: MAX_SUSPECTS })
  readonly #now: () => number

  constructor(now: () => number) {
    this.#now = now
  }

  suspect(relay: string): void {
    this.#untilMs.set(relay, this.#now() + SUSPECT_MS)
  }

  clear(relay: string): void {
    this.#untilMs.delete(relay)
  }

  /** Whether an address leads through a suspected relay. */
  readonly leadsThroughSuspect = (address: Multiaddr): boolean => {
    const relay = relayOf(address)
    return relay !== undefined && (this.#untilMs.get(relay) ?? 0) > this.#now()
  }
}

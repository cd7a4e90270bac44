import type { Multiaddr } from '@multiformats/multiaddr'
import { LRUCache } from 'lru-cache'
import { withoutPeer } from '../without-peer.ts'

/** An address that did not answer is dialled last for so long; with no other it is still dialled. */
const SILENT_MS = 60_000
const MAX_ADDRESSES = 4_096

/**
 * Direct addresses that lately did not answer, of peers that relays lead to as well. A firewall drops what it does not
 * let in, and others remember an address for an hour after its peer has withdrawn it.
 */
export class SilentAddresses {
  /** By address without its peer's id: it is dialled with it, and sorted without. */
  readonly #untilMs = new LRUCache<string, number>({ max: MAX_ADDRESSES })
  readonly #now: () => number

  /** @param now milliseconds */
  constructor(now: () => number) {
    this.#now = now
  }

  add(address: Multiaddr): void {
    this.#untilMs.set(withoutPeer(address), this.#now() + SILENT_MS)
  }

  delete(address: Multiaddr): void {
    this.#untilMs.delete(withoutPeer(address))
  }

  readonly has = (address: Multiaddr): boolean =>
    (this.#untilMs.get(withoutPeer(address)) ?? 0) > this.#now()
}

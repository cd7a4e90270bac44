import type { Multiaddr } from '@multiformats/multiaddr'
import { LRUCache } from 'lru-cache'

/** An address that did not answer is dialled last for so long; with no other it is still dialled. */
const SILENT_MS = 60_000
const MAX_ADDRESSES = 4_096

/**
 * Direct addresses that lately did not answer, of peers that relays lead to as well. A firewall drops what it does not
 * let in, and others remember an address for an hour after its peer has withdrawn it.
 */
export class SilentAddresses {
  readonly #untilMs = new LRUCache<string, number>({ max: MAX_ADDRESSES })
  readonly #now: () => number

  /** @param now milliseconds */
  constructor(now: () => number) {
    this.#now = now
  }

  add(address: Multiaddr): void {
    this.#untilMs.set(keyOf(address), this.#now() + SILENT_MS)
  }

  delete(address: Multiaddr): void {
    this.#untilMs.delete(keyOf(address))
  }

  readonly has = (address: Multiaddr): boolean =>
    (this.#untilMs.get(keyOf(address)) ?? 0) > this.#now()
}

/** The address is dialled with its peer's id at the end, and sorted without. */
function keyOf(address: Multiaddr): string {
  return address.toString().replace(/\/p2p\/[^/]+$/, '')
}

import type { Address } from '@libp2p/interface'
import {
  circuitRelayAddressesLast,
  loopbackAddressLast,
  publicAddressesFirst,
  reliableTransportsFirst,
} from '@libp2p/utils'
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

  isSuspect(relay: string): boolean {
    return (this.#untilMs.get(relay) ?? 0) > this.#now()
  }

  /** Order in which the addresses of a peer are dialled: libp2p's own, with suspected relays last. */
  readonly compareAddresses = (a: Address, b: Address): -1 | 0 | 1 =>
    loopbackAddressLast(a.multiaddr, b.multiaddr) ||
    publicAddressesFirst(a.multiaddr, b.multiaddr) ||
    circuitRelayAddressesLast(a.multiaddr, b.multiaddr) ||
    trueLast(this.#leadsThroughSuspect(a), this.#leadsThroughSuspect(b)) ||
    trueLast(!a.isCertified, !b.isCertified) ||
    reliableTransportsFirst(a.multiaddr, b.multiaddr)

  #leadsThroughSuspect({ multiaddr }: Address): boolean {
    const relay = relayOf(multiaddr)
    return relay !== undefined && this.isSuspect(relay)
  }
}

function trueLast(a: boolean, b: boolean): -1 | 0 | 1 {
  if (a === b) return 0
  return a ? 1 : -1
}

import type { Connection } from '@libp2p/interface'
import type { BucketRate } from '../timing/index.ts'
import { PeerRates } from './peer-rates.ts'
import { networkOf } from './subnet.ts'

export interface OriginRate {
  readonly perPeer: BucketRate
  /** Of all peers in one public network: identities cost nothing. */
  readonly perNetwork: BucketRate
}

/** A rate for each peer, and one for each public network, by the address of its connection. */
export class OriginRates {
  readonly #peers: PeerRates
  readonly #networks: PeerRates

  constructor({ perPeer, perNetwork }: OriginRate) {
    this.#peers = new PeerRates(perPeer)
    this.#networks = new PeerRates(perNetwork)
  }

  /** Takes one token of each. A peer on the LAN or behind a relay has no network. */
  take(
    { remotePeer, remoteAddr }: Pick<Connection, 'remoteAddr' | 'remotePeer'>,
    nowMs: number,
  ): boolean {
    if (!this.#peers.take(remotePeer, nowMs)) return false
    const network = networkOf(remoteAddr)
    return network === undefined || this.#networks.take(network, nowMs)
  }
}

import type { Connection, Libp2p } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import type { Multiaddr } from '@multiformats/multiaddr'
import { LRUCache } from 'lru-cache'
import { PROTOCOLS } from '../../protocol/index.ts'
import { askOnce } from '../one-shot.ts'
import { endpointOf, over, publicIpOf } from '../reach/index.ts'
import { isRelayed } from '../relay/index.ts'
import { withoutPeer } from '../without-peer.ts'
import { knock } from './knock.ts'
import { SAME_NETWORK } from './limits.ts'
import { isOnLink } from './on-link.ts'

export interface SameNetworkInit {
  readonly libp2p: Pick<Libp2p, 'getConnections'>
  /** Whether the operator named this peer. Only such peers are believed. */
  readonly isTrusted: (peer: string) => boolean
  readonly now: () => number
  /** Whether an address may be a neighbour's. @default by the interfaces of this machine */
  readonly mayBeNear?: (address: Multiaddr) => boolean
  readonly signal: AbortSignal
}

/** A result and how long it holds. */
interface Kept {
  /** `undefined`: no answer came. */
  readonly result: Promise<boolean | undefined>
  untilMs: number
}

/**
 * Peers behind the same router as this host. A stranger's word does not make this host dial a private address: a peer
 * that the operator named has to see both at one public IP address, the address has to be in a network of this machine,
 * and a port has to be open there.
 */
export class SameNetwork {
  readonly #init: SameNetworkInit
  readonly #mayBeNear: (address: Multiaddr) => boolean
  readonly #peers = new LRUCache<string, Kept>({ max: SAME_NETWORK.maxKept })
  readonly #addresses = new LRUCache<string, Kept>({ max: SAME_NETWORK.maxKept })
  readonly #near = new LRUCache<string, number>({ max: SAME_NETWORK.maxKept })

  constructor(init: SameNetworkInit) {
    this.#init = init
    const { mayBeNear = isOnLink } = init
    this.#mayBeNear = mayBeNear
  }

  /** Whether an address, ending in `/p2p/…`, leads to a peer behind the same router. Never rejects. */
  async includes(address: Multiaddr): Promise<boolean> {
    const peer = address.getComponents().findLast(({ name }) => name === 'p2p')?.value
    if (peer === undefined || isRelayed(address) || !this.#mayBeNear(address)) return false
    if (!(await this.#kept(this.#peers, peer, () => this.#isVouchedFor(peer)))) return false
    const key = withoutPeer(address)
    const isOpen = await this.#kept(this.#addresses, key, () => this.#isOpen(address))
    if (isOpen) this.#near.set(key, this.#init.now() + SAME_NETWORK.yesMs)
    return isOpen
  }

  /** Whether `includes` found so lately. */
  isNear(address: Multiaddr): boolean {
    return (
      (this.#near.get(withoutPeer(address)) ?? 0) > this.#init.now() && this.#mayBeNear(address)
    )
  }

  async #kept(
    cache: LRUCache<string, Kept>,
    key: string,
    find: () => Promise<boolean | undefined>,
  ): Promise<boolean> {
    const { now } = this.#init
    const known = cache.get(key)
    if (known !== undefined && known.untilMs > now()) return (await known.result) === true
    const kept: Kept = { result: find(), untilMs: now() + SAME_NETWORK.noMs }
    cache.set(key, kept)
    const result = await kept.result
    const { yesMs, noMs, unansweredMs } = SAME_NETWORK
    kept.untilMs = now() + (result === undefined ? unansweredMs : result ? yesMs : noMs)
    return result === true
  }

  async #isVouchedFor(peer: string): Promise<boolean | undefined> {
    const askable = new Map<string, Connection>()
    for (const connection of this.#init.libp2p.getConnections()) {
      const { remotePeer, remoteAddr, status } = connection
      const named = remotePeer.toString()
      if (status !== 'open' || publicIpOf(remoteAddr) === undefined) continue
      if (named !== peer && this.#init.isTrusted(named)) askable.set(named, connection)
    }
    const asked = [...askable.values()].slice(0, SAME_NETWORK.maxAsked)
    const answers = await Promise.all(asked.map((connection) => this.#ask(connection, peer)))
    if (answers.includes(true)) return true
    return answers.length > 0 && !answers.includes(undefined) ? false : undefined
  }

  async #ask(connection: Connection, peer: string): Promise<boolean | undefined> {
    try {
      const [answer] = await askOnce(
        {
          libp2p: over(connection),
          peer: connection.remotePeer,
          protocol: PROTOCOLS.sameNetwork,
          request: peerIdFromString(peer).toMultihash().bytes,
          maxResponseBytes: SAME_NETWORK.maxResponseBytes,
          timeoutMs: SAME_NETWORK.timeoutMs,
        },
        { signal: this.#init.signal },
      )
      return answer === 1
    } catch {
      return undefined
    }
  }

  async #isOpen(address: Multiaddr): Promise<boolean> {
    const endpoint = endpointOf(address)
    return endpoint !== undefined && (await knock(endpoint, this.#init.signal))
  }
}

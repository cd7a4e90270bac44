import type { Connection, IdentifyResult, Libp2p, PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { LRUCache } from 'lru-cache'
import { backoffMs, type Clock, EQUAL_JITTER, everyTogether, openScope } from '../timing/index.ts'
import { dialTarget, isPublicAddress } from './address-scope.ts'
import { listenUntil } from './listen-until.ts'
import { PeerRates } from './peer-rates.ts'
import { isPeerPort } from './reach/index.ts'
import { isRelayed } from './relay/index.ts'
import { isOnLink } from './same-network/index.ts'

export interface DirectDialsInit {
  readonly libp2p: Pick<
    Libp2p,
    'addEventListener' | 'dial' | 'getConnections' | 'removeEventListener'
  >
  readonly clock: Clock
  /** From 0 to 1. */
  readonly random: () => number
  /** Whether an address may be a neighbour's. @default by the interfaces of this machine */
  readonly isNeighbours?: (address: Multiaddr) => boolean
  readonly signal: AbortSignal
  readonly onError: (what: string, error: unknown) => void
}

/** One dial at a time for each peer, and few enough that strangers cannot make this host flood others with dials. */
const PER_PEER = { burst: 1, perSecond: 1 / 60 }
const TOTAL = { burst: 16, perSecond: 1 }
const MAX_ADDRESSES = 4
const DIAL_TIMEOUT_MS = 5_000
/** Between two attempts with one peer, by failures in a row. */
const BACKOFF = { minMs: 60_000, maxMs: 3_600_000, jitter: EQUAL_JITTER }
/** Before the first attempt where this host has dialled all addresses a moment ago. */
const FIRST_MS = 15_000
/** Interval of looks for peers whose next attempt is due. */
const LOOK_MS = 15_000
const MAX_PEERS = 4_096

/** A peer that has been connected through a relay. */
interface Known {
  /** Its addresses that may be dialled, by the last identify. */
  readonly addresses: readonly Multiaddr[]
  readonly failures: number
  readonly dueMs: number
}

/**
 * Dials peers that are connected through relays only, so that what follows takes no relay: at once where the peer came to
 * this host, which may have no address itself; after a while, or when it has other addresses, where this host has just
 * dialled all of them. The relayed connection is kept. Addresses are the peer's word, so that the dials are few, and none
 * goes to a service of the system.
 */
export function dialDirectly(init: DirectDialsInit): void {
  const { libp2p, clock, random, isNeighbours = isOnLink, signal, onError } = init
  const perPeer = new PeerRates(PER_PEER)
  const total = new PeerRates(TOTAL)
  const relayed = new Set<Connection>()
  const peers = new LRUCache<string, Known>({ max: MAX_PEERS })

  const mayDial = (address: Multiaddr, direction: Connection['direction']): boolean => {
    if (isRelayed(address) || !isPeerPort(portOf(address))) return false
    // A name leads anywhere, which is for the one who dials to decide.
    if (dialTarget(address).kind !== 'ip') return direction === 'outbound'
    return isPublicAddress(address) || isNeighbours(address)
  }
  const isDirect = (peer: PeerId): boolean =>
    libp2p
      .getConnections(peer)
      .some(({ remoteAddr, status }) => status === 'open' && !isRelayed(remoteAddr))

  const consider = (peer: PeerId): void => {
    const key = peer.toString()
    const known = peers.get(key)
    if (known === undefined || known.addresses.length === 0 || known.dueMs > clock.now()) return
    if (isDirect(peer)) return
    if (!perPeer.take(key, clock.now()) || !total.take('all', clock.now())) return
    const failures = known.failures + 1
    const dueMs = clock.now() + backoffMs(failures - 1, BACKOFF, random())
    peers.set(key, { ...known, failures, dueMs })
    void dial(
      key,
      known.addresses.map((address) => withPeer(address, key)),
    )
  }
  const dial = async (key: string, addresses: Multiaddr[]): Promise<void> => {
    using scope = openScope({ timeoutMs: DIAL_TIMEOUT_MS, clock }, { owner: signal })
    try {
      await libp2p.dial(addresses, { signal: scope.signal })
      const known = peers.get(key)
      if (known !== undefined) peers.set(key, { ...known, failures: 0, dueMs: clock.now() })
    } catch (error) {
      if (!signal.aborted) onError('dialling a peer that is connected through a relay', error)
    }
  }

  const onIdentify = ({ detail }: CustomEvent<IdentifyResult>): void => {
    const { connection, listenAddrs, peerId } = detail
    if (!isRelayed(connection.remoteAddr) || connection.status !== 'open') return
    relayed.add(connection)
    const addresses = listenAddrs
      .filter((address) => mayDial(address, connection.direction))
      .slice(0, MAX_ADDRESSES)
    const known = peers.get(peerId.toString())
    if (known === undefined || known.addresses.join() !== addresses.join()) {
      const isTried = known === undefined && connection.direction === 'outbound'
      const dueMs = clock.now() + (isTried ? FIRST_MS : 0)
      peers.set(peerId.toString(), { addresses, failures: 0, dueMs })
    }
    consider(peerId)
  }
  const onClose = ({ detail }: CustomEvent<Connection>): void => void relayed.delete(detail)
  listenUntil(signal, libp2p, { 'peer:identify': onIdentify, 'connection:close': onClose })
  const look = (): void => {
    for (const { remotePeer } of relayed) consider(remotePeer)
  }
  everyTogether(clock, LOOK_MS, look, { signal })
}

function portOf(address: Multiaddr): number {
  return Number(address.getComponents().find(({ name }) => name === 'tcp')?.value ?? 0)
}

function withPeer(address: Multiaddr, peer: string): Multiaddr {
  const named = address.getComponents().some(({ name }) => name === 'p2p')
  return named ? address : address.encapsulate(`/p2p/${peer}`)
}

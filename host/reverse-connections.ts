import type { IdentifyResult, Libp2p } from '@libp2p/interface'
import { openScope } from '../timing/index.ts'
import { dialTarget, isPublicAddress } from './address-scope.ts'
import { PeerRates } from './peer-rates.ts'
import { isPeerPort } from './reach/index.ts'
import { isRelayed } from './relay/index.ts'

export interface ReverseConnectionsInit {
  readonly libp2p: Pick<
    Libp2p,
    'addEventListener' | 'dial' | 'getConnections' | 'removeEventListener'
  >
  readonly now: () => number
  readonly signal: AbortSignal
  readonly onError: (what: string, error: unknown) => void
}

/** One dial for each peer that comes, and few enough that strangers cannot make this host flood others with dials. */
const PER_PEER = { burst: 1, perSecond: 1 / 60 }
const TOTAL = { burst: 16, perSecond: 1 }
const MAX_ADDRESSES = 4
const DIAL_TIMEOUT_MS = 5_000

/**
 * Dials a peer that came through a relay and announces a public address, so that what follows takes no relay: this host
 * cannot be dialled, and can dial. The relayed connection is kept. The address is the peer's word, so that the dials are
 * few, and none goes to a service of the system.
 */
export function reverseConnections(init: ReverseConnectionsInit): void {
  const { libp2p, now, signal, onError } = init
  const perPeer = new PeerRates(PER_PEER)
  const total = new PeerRates(TOTAL)

  const onIdentify = ({ detail }: CustomEvent<IdentifyResult>): void => {
    const { connection, listenAddrs, peerId } = detail
    if (connection.direction !== 'inbound' || !isRelayed(connection.remoteAddr)) return
    const addresses = listenAddrs
      .filter((address) => !isRelayed(address) && dialTarget(address).kind === 'ip')
      .filter((address) => isPublicAddress(address) && isPeerPort(portOf(address)))
      .slice(0, MAX_ADDRESSES)
    const isDirect = libp2p
      .getConnections(peerId)
      .some(({ remoteAddr, status }) => status === 'open' && !isRelayed(remoteAddr))
    if (addresses.length === 0 || isDirect) return
    if (!perPeer.take(peerId, now()) || !total.take('all', now())) return
    void dial(addresses.map((address) => withPeer(address, peerId.toString())))
  }
  const dial = async (addresses: Parameters<Libp2p['dial']>[0]): Promise<void> => {
    using scope = openScope({ timeoutMs: DIAL_TIMEOUT_MS }, { owner: signal })
    try {
      await libp2p.dial(addresses, { signal: scope.signal })
    } catch (error) {
      if (!signal.aborted) onError('dialling a peer that came through a relay', error)
    }
  }
  libp2p.addEventListener('peer:identify', onIdentify)
  signal.addEventListener('abort', () => libp2p.removeEventListener('peer:identify', onIdentify), {
    once: true,
  })
}

function portOf(address: IdentifyResult['listenAddrs'][number]): number {
  return Number(address.getComponents().find(({ name }) => name === 'tcp')?.value ?? 0)
}

function withPeer(address: IdentifyResult['listenAddrs'][number], peer: string): typeof address {
  const named = address.getComponents().some(({ name }) => name === 'p2p')
  return named ? address : address.encapsulate(`/p2p/${peer}`)
}

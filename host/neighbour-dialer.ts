import type { Connection, Libp2p } from '@libp2p/interface'
import type { Neighbour } from './neighbours.ts'
import { PeerRates } from './peer-rates.ts'
import { publicIpOf } from './reach/index.ts'
import { isRelayed } from './relay/index.ts'

export interface NeighbourDialerInit {
  readonly libp2p: Pick<Libp2p, 'dial' | 'getConnections'>
  readonly now: () => number
  readonly signal: AbortSignal
  readonly onError: (what: string, error: unknown) => void
}

/** Interval of LAN dials to one peer that is already connected: it announces itself every few seconds. */
const RATE = { burst: 1, perSecond: 1 / 60 }

/**
 * Connects to peers of the LAN through the LAN. A peer that is already connected over a router's public address or a
 * relay gets a second connection; the first is closed unless streams are active on it.
 */
export function createNeighbourDialer(
  init: NeighbourDialerInit,
): (neighbour: Neighbour) => Promise<void> {
  const { libp2p, signal } = init
  const rates = new PeerRates(RATE)
  return async ({ id, multiaddrs, vouched }) => {
    try {
      const others = libp2p.getConnections(id)
      if (others.length === 0) {
        await libp2p.dial([...multiaddrs], { signal })
        return
      }
      if (vouched.length === 0 || others.some(isLocal) || !rates.take(id, init.now())) return
      await libp2p.dial([...vouched], { signal, force: true })
      for (const connection of others) {
        if (!isBusy(connection)) await connection.close({ signal })
      }
    } catch (error) {
      if (!signal.aborted) init.onError('dialling a neighbour', error)
    }
  }
}

function isLocal({ remoteAddr }: Connection): boolean {
  return !isRelayed(remoteAddr) && publicIpOf(remoteAddr) === undefined
}

/** Whether an answer may be streaming over it. */
function isBusy({ streams }: Connection): boolean {
  return streams.some(({ protocol }) => protocol?.startsWith('/skein/') === true)
}

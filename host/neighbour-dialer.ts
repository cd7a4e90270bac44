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

/** Of one peer that is connected by another way: it announces itself every few seconds. */
const RATE = { burst: 1, perSecond: 1 / 60 }

/**
 * Connects to peers of the LAN through the LAN. One that was met by another way first, over a router's outer address or
 * a relay, gets a second connection, and the other one is closed unless something runs on it.
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

/** An answer may run on it. */
function isBusy({ streams }: Connection): boolean {
  return streams.some(({ protocol }) => protocol?.startsWith('/skein/') === true)
}

import type { Host } from '../../host/index.ts'
import type { Connect } from '../attempt/index.ts'

/** What dialling needs of a host. */
type Dialler = Partial<Pick<Host, 'findFreshAddresses'>> & {
  readonly libp2p: Pick<Host['libp2p'], 'dialProtocol'>
}

/**
 * Opens streams; where a peer is not reached at the addresses known of it, asks where it is now, and dials once more.
 * Peers that move, or get a relay, are found again so, whatever is remembered of them.
 */
export function connectAnew({ libp2p, findFreshAddresses }: Dialler): Connect {
  return async (peerId, protocol, options) => {
    try {
      return await libp2p.dialProtocol(peerId, protocol, options)
    } catch (error) {
      const { signal } = options
      if (signal.aborted || findFreshAddresses === undefined) throw error
      if ((error as Error).name === 'UnsupportedProtocolError') throw error
      if (!(await findFreshAddresses(peerId, { signal }))) throw error
      return await libp2p.dialProtocol(peerId, protocol, options)
    }
  }
}

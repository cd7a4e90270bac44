import type { Host } from '../../host/index.ts'
import type { Connect } from '../attempt/index.ts'

/** The part of a host that dialing uses. */
type Dialer = Partial<Pick<Host, 'findFreshAddresses'>> & {
  readonly libp2p: Pick<Host['libp2p'], 'dialProtocol'>
}

/**
 * Opens streams. If a peer cannot be reached at its known addresses, looks up fresh ones and dials once more, so that peers
 * which moved or got a relay are found again.
 */
export function connectAnew({ libp2p, findFreshAddresses }: Dialer): Connect {
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

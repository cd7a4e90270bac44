import type { Connection } from '@libp2p/interface'
import type { Dialer } from '../one-shot.ts'

/** Opens streams over this very connection. */
export function over(connection: Pick<Connection, 'newStream'>): Dialer {
  return { dialProtocol: (_, protocol, options) => connection.newStream(protocol, options) }
}

import type { Connection, Stream } from '@libp2p/interface'
import { relayOf } from '../../host/index.ts'
import type { Path } from '../attempt/index.ts'

/**
 * The path that a stream takes; absent if it belongs to none of the connections.
 *
 * @param connections the connections to the peer
 */
export function pathAmong(connections: readonly Connection[], stream: Stream): Path | undefined {
  const connection = connections.find(({ streams }) => streams.includes(stream))
  if (connection === undefined) return undefined
  const relay = relayOf(connection.remoteAddr)
  return {
    ...(relay !== undefined && { relay }),
    isOpen: () => connection.status === 'open',
  }
}

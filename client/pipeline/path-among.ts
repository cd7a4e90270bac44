import type { Connection, Stream } from '@libp2p/interface'
import { relayOf } from '../../host/index.ts'
import type { Path } from '../attempt/index.ts'

/** @param connections those to the peer, the stream's among them */
export function pathAmong(connections: readonly Connection[], stream: Stream): Path | undefined {
  const connection = connections.find(({ streams }) => streams.includes(stream))
  if (connection === undefined) return undefined
  const relay = relayOf(connection.remoteAddr)
  return {
    ...(relay !== undefined && { relay }),
    isOpen: () => connection.status === 'open',
  }
}

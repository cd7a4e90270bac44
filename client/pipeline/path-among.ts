import type { Connection, PeerId, Stream } from '@libp2p/interface'
import { answers, type Host, isDirectPath, relayOf } from '../../host/index.ts'
import type { Clock } from '../../timing/index.ts'
import type { Path } from '../attempt/index.ts'

/** Answers to pings over the Internet, through a relay, take a fifth of it, at worst. */
const ANSWER_MS = 3_000

type PathHost = Partial<Pick<Host, 'avoid'>> & {
  readonly libp2p: {
    getConnections(peerId: PeerId): Connection[]
  }
}

/**
 * The path that a stream to a peer takes; absent if it belongs to none of the peer's connections. The peer's other
 * connections are asked as well when this one is, and end with it if they are silent, too: after a change of the peer's
 * network they are all dead, and each would be waited for in turn.
 */
export function pathAmong(
  { libp2p, avoid }: PathHost,
  clock: Clock,
  peerId: PeerId,
  stream: Stream,
): Path | undefined {
  const connection = libp2p.getConnections(peerId).find(({ streams }) => streams.includes(stream))
  if (connection === undefined) return undefined
  const relay = relayOf(connection.remoteAddr)
  let asked: readonly (readonly [Connection, Promise<boolean>])[] = []
  return {
    ...(relay !== undefined && { relay }),
    ...(isDirectPath(connection.remoteAddr) && { by: 'webrtc' as const }),
    isOpen: () => connection.status === 'open',
    answers: () => {
      asked = libp2p
        .getConnections(peerId)
        .filter((other) => other !== connection && other.status === 'open')
        .map((other) => [other, answers(other, ANSWER_MS, clock)])
      return answers(connection, ANSWER_MS, clock)
    },
    avoid: () => {
      avoid?.(connection)
      for (const [other, alive] of asked) {
        void alive.then((isAlive) => {
          if (!isAlive && other.status === 'open') avoid?.(other)
        })
      }
    },
  }
}

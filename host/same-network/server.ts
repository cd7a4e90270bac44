import type { Connection, Libp2p, Stream } from '@libp2p/interface'
import { peerIdFromMultihash } from '@libp2p/peer-id'
import { decode as decodeMultihash } from 'multiformats/hashes/digest'
import { answerOnce } from '../one-shot.ts'
import { OriginRates } from '../origin-rates.ts'
import { publicIpOf } from '../reach/index.ts'
import { SAME_NETWORK } from './limits.ts'

const YES = new Uint8Array([1])
const NO = new Uint8Array([0])

/**
 * Answers whether a peer is connected to this host from the same public IP address as the asker, which shows that both
 * are behind one router. The asker learns nothing of peers elsewhere. For `libp2p.handle`.
 */
export function createSameNetworkServer(
  libp2p: Pick<Libp2p, 'getConnections'>,
  now: () => number,
): (stream: Stream, connection: Connection) => Promise<void> {
  const rates = new OriginRates(SAME_NETWORK)
  return (stream, connection) =>
    answerOnce(
      stream,
      { maxRequestBytes: SAME_NETWORK.maxRequestBytes, timeoutMs: SAME_NETWORK.timeoutMs * 2 },
      (request) => {
        const peer = peerIdFromMultihash(decodeMultihash(request))
        const ip = publicIpOf(connection.remoteAddr)
        if (ip === undefined || !rates.take(connection, now())) return NO
        const isThere = libp2p
          .getConnections(peer)
          .some(({ remoteAddr: at, status }) => status === 'open' && publicIpOf(at) === ip)
        return isThere ? YES : NO
      },
    )
}

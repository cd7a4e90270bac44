import type { Connection, PrivateKey, Stream } from '@libp2p/interface'
import { encodeSightingResponse, sealSighting } from '../../protocol/index.ts'
import { answerOnce } from '../one-shot.ts'
import { OriginRates } from '../origin-rates.ts'
import { publicIpOf } from '../reach/index.ts'
import { SIGHTINGS } from './limits.ts'

export interface SightingServerInit {
  readonly privateKey: PrivateKey
  /** UDP port of the STUN server. @default no server */
  readonly stunPort?: number
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** Tells a peer, signed, at which public IP address its connection comes from. For `libp2p.handle`. */
export function createSightingServer({
  privateKey,
  now,
  ...stun
}: SightingServerInit): (stream: Stream, connection: Connection) => Promise<void> {
  const rates = new OriginRates(SIGHTINGS)
  return (stream, connection) =>
    answerOnce(stream, { maxRequestBytes: 0, timeoutMs: SIGHTINGS.askMs * 2 }, async () => {
      const { remoteAddr, remotePeer } = connection
      const ip = publicIpOf(remoteAddr)
      if (ip === undefined || !rates.take(connection, now())) return encodeSightingResponse({})
      const peer = remotePeer.toMultihash().bytes
      const sighting = await sealSighting({ peer, ip, atMs: now() }, privateKey)
      return encodeSightingResponse({ ...stun, sighting })
    })
}

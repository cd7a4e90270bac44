import type { ComponentLogger, Connection, PeerId, Stream, StreamHandler } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { InferenceError } from '../../protocol/index.ts'
import { systemClock } from '../../timing/index.ts'
import { ownStreamPair } from './own-stream.ts'

export interface OwnConnectionInit {
  readonly peerId: PeerId
  readonly logger: ComponentLogger
  /** @throws if this host does not handle the protocol */
  readonly handlerOf: (protocol: string) => StreamHandler
}

/** This host, as a peer whose address is this machine. */
const OWN_ADDRESS = multiaddr('/ip4/127.0.0.1')

/**
 * The connection of a host to itself: always open, without a socket, encryption or negotiation. Streams are handled like
 * those of any other peer, so that every limit of a node holds for its owner, too.
 */
export function ownConnection(init: OwnConnectionInit): Connection {
  const { peerId, logger, handlerOf } = init
  const streams: Stream[] = []
  const log = logger.forComponent('skein:own-connection')
  const connection: Connection = Object.assign(new EventTarget() as unknown as Connection, {
    id: 'own',
    remoteAddr: OWN_ADDRESS,
    remotePeer: peerId,
    streams,
    direction: 'outbound' as const,
    timeline: { open: systemClock.wall() },
    status: 'open' as const,
    direct: true,
    rtt: 0,
    log,
    newStream: async (protocols: string | string[]) => {
      const protocol = typeof protocols === 'string' ? protocols : (protocols[0] ?? '')
      const handle = handlerOf(protocol)
      const [outbound, inbound] = ownStreamPair(protocol, logger)
      streams.push(outbound)
      outbound.addEventListener('close', () => {
        streams.splice(streams.indexOf(outbound), 1)
      })
      // A handler's failure ends its stream, as over the wire.
      Promise.resolve(handle(inbound, connection)).catch((error: unknown) => {
        inbound.abort(InferenceError.from(error))
      })
      return outbound
    },
    // It ends with the host.
    close: () => Promise.resolve(),
    abort: () => {},
  })
  return connection
}

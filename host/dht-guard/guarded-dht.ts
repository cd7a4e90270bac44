import type { Connection, Logger, Stream, StreamHandler } from '@libp2p/interface'
import type { ConnectionManager, Registrar } from '@libp2p/interface-internal'
import { type KadDHT, type KadDHTComponents, type KadDHTInit, kadDHT } from '@libp2p/kad-dht'
import { toString as textOf } from 'uint8arrays/to-string'
import { PeerRates } from '../peer-rates.ts'
import { networkOf } from '../subnet.ts'
import { filteredStream } from './filtered-stream.ts'
import { DHT_LIMITS } from './limits.ts'
import { ADD_PROVIDER, boundMessage } from './message.ts'
import { mixProviders } from './mixed-providers.ts'
import { RecordQuota } from './record-quota.ts'
import { replaced } from './replaced.ts'

/**
 * kad-dht with bounds on the lists of each message, quotas for records by peer, network and key, and providers in
 * random order. Only the streams and the datastore are wrapped; kad-dht itself is unchanged.
 *
 * @param random from 0, below 1
 */
export function guardedDht(
  init: KadDHTInit,
  { now, random }: { readonly now: () => number; readonly random: () => number },
): (components: KadDHTComponents) => KadDHT {
  const create = kadDHT(init)
  return (components) => {
    const log = components.logger.forComponent('skein:dht-guard')
    const registrar = guardRegistrar(components.registrar, createInboundFilter(now, log))
    const connectionManager = guardConnections(components.connectionManager, random)
    const datastore = mixProviders(components.datastore, random)
    const guarded = replaced(components, 'registrar', registrar)
    const mixed = replaced(guarded, 'datastore', datastore)
    return create(replaced(mixed, 'connectionManager', connectionManager))
  }
}

/** Answers to our own queries. */
function guardConnections(connections: ConnectionManager, random: () => number): ConnectionManager {
  return replaced(connections, 'openStream', async (peer, protocol, options) =>
    filteredStream(await connections.openStream(peer, protocol, options), {
      maxMessageBytes: DHT_LIMITS.maxAnswerBytes,
      filter: (message) => boundMessage(message, random).bytes,
    }),
  )
}

/** Queries of peers. */
function guardRegistrar(
  registrar: Registrar,
  filterFor: (connection: Connection) => (message: Uint8Array) => Uint8Array | undefined,
): Registrar {
  return replaced(registrar, 'handle', async (protocol, handler, options) => {
    const guarded: StreamHandler = async (stream: Stream, connection: Connection) => {
      const filter = filterFor(connection)
      const { maxRequestBytes: maxMessageBytes } = DHT_LIMITS
      await handler(filteredStream(stream, { maxMessageBytes, filter }), connection)
    }
    await registrar.handle(protocol, guarded, options)
  })
}

function createInboundFilter(
  now: () => number,
  log: Logger,
): (connection: Connection) => (message: Uint8Array) => Uint8Array | undefined {
  const quota = new RecordQuota(now)
  const rates = new PeerRates(DHT_LIMITS.requests)
  return ({ remotePeer, remoteAddr }) => {
    const peer = remotePeer.toString()
    const network = networkOf(remoteAddr) ?? ''
    return (message) => {
      if (!rates.take(peer, now())) throw new Error('too many requests from this peer')
      const { type, key, bytes } = boundMessage(message)
      if (type !== ADD_PROVIDER) return bytes
      if (quota.admit({ peer, network, key: textOf(key, 'base64') })) return bytes
      log('no room for a record of %p', remotePeer)
      return undefined
    }
  }
}

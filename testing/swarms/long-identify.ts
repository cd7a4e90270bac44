import { BinaryWriter } from '@bufbuild/protobuf/wire'
import { generateKeyPair, publicKeyToProtobuf } from '@libp2p/crypto/keys'
import type { Identify, IdentifyComponents } from '@libp2p/identify'
import { type Connection, type PeerStore, TypedEventEmitter } from '@libp2p/interface'
import { defaultLogger } from '@libp2p/logger'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { PeerRecord, RecordEnvelope } from '@libp2p/peer-record'
import { persistentPeerStore } from '@libp2p/peer-store'
import { multiaddr } from '@multiformats/multiaddr'
import { MemoryDatastore } from 'datastore-core'
import * as lp from 'it-length-prefixed'
import { newPeerId } from './client-peers.ts'
import { pairFor } from './pair-for.ts'

/** Messages of one answer, and their bytes: as many as libp2p reads. */
const MESSAGES = 10
const MESSAGE_BYTES = 8_000

/** Fields of an identify message. */
const PUBLIC_KEY = 1
const LISTEN_ADDRESS = 2
const PROTOCOL = 3
const AGENT_VERSION = 6
const SIGNED_RECORD = 8

const addressOf = (n: number) =>
  multiaddr(`/ip4/8.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}/tcp/1`)

/** What a peer says of itself at most. */
export interface Identified {
  readonly addresses: number
  readonly protocols: number
  /** Characters. */
  readonly agentVersion: number
}

/**
 * A peer whose identify is as long as libp2p lets it be, of addresses, of signed addresses, of protocols or of a name.
 *
 * @returns identifies it, and says what the peer store has of it then
 */
export async function longIdentify(
  of: 'addresses' | 'name' | 'protocols' | 'signed addresses',
  create: (components: IdentifyComponents) => Identify,
): Promise<() => Promise<Identified>> {
  const privateKey = await generateKeyPair('Ed25519')
  const remotePeer = peerIdFromPrivateKey(privateKey)
  const publicKey = publicKeyToProtobuf(privateKey.publicKey)
  const record = await RecordEnvelope.seal(
    new PeerRecord({
      peerId: remotePeer,
      multiaddrs: Array.from({ length: of === 'signed addresses' ? 550 : 0 }, (_, n) =>
        addressOf(n),
      ),
    }),
    privateKey,
  )
  const message = (nth: number): Uint8Array => {
    const writer = new BinaryWriter().tag(PUBLIC_KEY, 2).bytes(publicKey)
    if (of === 'signed addresses') writer.tag(SIGNED_RECORD, 2).bytes(record.marshal())
    if (of === 'name') writer.tag(AGENT_VERSION, 2).string('a'.repeat(MESSAGE_BYTES))
    const first = nth * MESSAGE_BYTES
    if (of === 'addresses') {
      for (let n = 0; n < MESSAGE_BYTES / 10 - 8; n += 1)
        writer.tag(LISTEN_ADDRESS, 2).bytes(addressOf(first + n).bytes)
    }
    if (of === 'protocols') {
      for (let n = 0; n < MESSAGE_BYTES / 8 - 8; n += 1)
        writer.tag(PROTOCOL, 2).string((first + n).toString(36))
    }
    return lp.encode.single(writer.finish()).subarray()
  }
  const messages = Array.from({ length: MESSAGES }, (_, nth) => message(nth))
  const self = await newPeerId()
  const events = new TypedEventEmitter()
  const logger = defaultLogger()
  return async () => {
    const peerStore: PeerStore = persistentPeerStore({
      ...{ peerId: self, datastore: new MemoryDatastore(), events, logger },
    })
    const nodeInfo = { userAgent: 'skein' }
    const components = { peerId: self, peerStore, events, logger, nodeInfo }
    const service = create(components as unknown as IdentifyComponents)
    const [near, far] = await pairFor('/ipfs/id/1.0.0')
    for (const each of messages) far.send(each)
    void far.close()
    const connection = { remotePeer, newStream: async () => near } as unknown as Connection
    await service.identify(connection)
    const { addresses, protocols, metadata } = await peerStore.get(remotePeer)
    return {
      addresses: addresses.length,
      protocols: protocols.length,
      agentVersion: metadata.get('AgentVersion')?.length ?? 0,
    }
  }
}

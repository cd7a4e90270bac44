import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { shuffled } from '../shuffled.ts'
import { DHT_LIMITS } from './limits.ts'

/** A message of the DHT whose lists are within their bounds. */
export interface BoundedMessage {
  readonly type: number
  readonly key: Uint8Array
  readonly bytes: Uint8Array
}

/** Protobuf field numbers of the inspected fields: https://github.com/libp2p/specs/tree/master/kad-dht#rpc-messages */
export const ADD_PROVIDER = 2
const FIELD = { type: 1, key: 2, closer: 8, providers: 9 } as const
const PEER_FIELD = { id: 1, address: 2 } as const

/**
 * Cuts the lists of a DHT message to their bounds without building the values, so that kad-dht never works on more:
 * it parses, stores and dials all that an answer lists. Excess items are left out; the rest is unchanged.
 * Providers come in random order, and of too many a random part is kept: a server may list them in the same order each
 * time, and every client would ask the first ones.
 *
 * @param random from 0, below 1
 * @throws Error if the message is not protobuf or its key is too long
 */
export function boundMessage(
  bytes: Uint8Array,
  random: () => number = Math.random,
): BoundedMessage {
  const reader = new BinaryReader(bytes)
  const writer = new BinaryWriter()
  let type = 0
  let key: Uint8Array = new Uint8Array()
  let closer = 0
  const providers: Uint8Array[] = []
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag()
    if (field === FIELD.closer && wireType === WireType.LengthDelimited) {
      const peer = reader.bytes()
      closer += 1
      if (closer <= DHT_LIMITS.maxCloserPeers) writer.tag(field, wireType).bytes(boundPeer(peer))
    } else if (field === FIELD.providers && wireType === WireType.LengthDelimited) {
      providers.push(reader.bytes())
    } else if (field === FIELD.key && wireType === WireType.LengthDelimited) {
      key = reader.bytes()
      if (key.length > DHT_LIMITS.maxKeyBytes) throw new Error('the key is too long')
      writer.tag(field, wireType).bytes(key)
    } else if (field === FIELD.type && wireType === WireType.Varint) {
      type = reader.uint32()
      writer.tag(field, wireType).uint32(type)
    } else {
      writer.tag(field, wireType).raw(reader.skip(wireType, field))
    }
  }
  for (const peer of shuffled(providers, random, DHT_LIMITS.maxProviders)) {
    writer.tag(FIELD.providers, WireType.LengthDelimited).bytes(boundPeer(peer))
  }
  return { type, key, bytes: writer.finish() }
}

function boundPeer(bytes: Uint8Array): Uint8Array {
  const reader = new BinaryReader(bytes)
  const writer = new BinaryWriter()
  let addresses = 0
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag()
    if (field === PEER_FIELD.address && wireType === WireType.LengthDelimited) {
      const address = reader.bytes()
      if (address.length > DHT_LIMITS.maxAddressBytes) continue
      addresses += 1
      if (addresses <= DHT_LIMITS.maxAddresses) writer.tag(field, wireType).bytes(address)
    } else if (field === PEER_FIELD.id && wireType === WireType.LengthDelimited) {
      const id = reader.bytes()
      if (id.length > DHT_LIMITS.maxPeerIdBytes) throw new Error('the peer id is too long')
      writer.tag(field, wireType).bytes(id)
    } else {
      writer.tag(field, wireType).raw(reader.skip(wireType, field))
    }
  }
  return writer.finish()
}

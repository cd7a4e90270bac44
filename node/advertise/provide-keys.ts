import type { PeerId } from '@libp2p/interface'
import type { CID } from 'multiformats/cid'
import {
  MODEL_KEY_SHARDS,
  type ModelAdvertisement,
  modelKey,
  nodeKey,
} from '../../protocol/index.ts'

/**
 * The DHT keys of a node: each model and alias under all shards, so that a look-up of any one shard finds the
 * node, and the node itself under one shard of the network list, which a client reads shard by shard.
 * Model keys come first.
 */
export async function provideKeys(
  peer: PeerId,
  models: readonly ModelAdvertisement[],
): Promise<CID[]> {
  const names = new Set(models.flatMap(({ id, aliases }) => [id, ...aliases]))
  const shards = Array.from({ length: MODEL_KEY_SHARDS }, (_, shard) => shard)
  // Stable across restarts and evenly spread: a peer id ends in the bytes of a key or a hash.
  const ownShard = (peer.toMultihash().digest.at(-1) ?? 0) % MODEL_KEY_SHARDS
  return Promise.all([
    ...[...names].flatMap((name) => shards.map((shard) => modelKey(name, shard))),
    nodeKey(ownShard),
  ])
}

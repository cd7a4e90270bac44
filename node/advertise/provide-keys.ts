import type { PeerId } from '@libp2p/interface'
import type { CID } from 'multiformats/cid'
import {
  MODEL_KEY_SHARDS,
  type ModelAdvertisement,
  modelKey,
  nodeKey,
} from '../../protocol/index.ts'

/**
 * Everything under which a node is found: each model and alias under all shards, so that whoever asks for one finds
 * all, and itself under one of the shards that together list the network: whoever wants them all asks for each.
 * Model keys come first.
 */
export async function provideKeys(
  peer: PeerId,
  models: readonly ModelAdvertisement[],
): Promise<CID[]> {
  const names = new Set(models.flatMap(({ id, aliases }) => [id, ...aliases]))
  const shards = Array.from({ length: MODEL_KEY_SHARDS }, (_, shard) => shard)
  // The same one at each start, and evenly spread: a peer id ends in the bytes of a key or a hash.
  const ownShard = (peer.toMultihash().digest.at(-1) ?? 0) % MODEL_KEY_SHARDS
  return Promise.all([
    ...[...names].flatMap((name) => shards.map((shard) => modelKey(name, shard))),
    nodeKey(ownShard),
  ])
}

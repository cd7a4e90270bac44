import type { CID } from 'multiformats/cid'
import {
  MODEL_KEY_SHARDS,
  type ModelAdvertisement,
  modelKey,
  nodeKey,
} from '../../protocol/index.ts'

/** Everything under which a node is found: each model and alias under all shards, then itself. Model keys come first. */
export async function provideKeys(models: readonly ModelAdvertisement[]): Promise<CID[]> {
  const names = new Set(models.flatMap(({ id, aliases }) => [id, ...aliases]))
  const shards = Array.from({ length: MODEL_KEY_SHARDS }, (_, shard) => shard)
  return Promise.all([
    ...[...names].flatMap((name) => shards.map((shard) => modelKey(name, shard))),
    ...shards.map((shard) => nodeKey(shard)),
  ])
}

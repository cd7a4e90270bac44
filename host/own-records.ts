import type { PeerId } from '@libp2p/interface'
import type { BaseDatastore } from 'datastore-core'

/** Where kad-dht keeps provider records: `/dht/provider/<key>/<peer id>`. */
const PREFIX = '/dht/provider'

/**
 * Deletes this peer's provider records of an earlier process. The DHT would reprovide all records in its store,
 * including those of models no longer shared.
 */
export async function forgetOwnRecords(datastore: BaseDatastore, self: PeerId): Promise<void> {
  const suffix = `/${self.toString()}`
  for await (const key of datastore.queryKeys({ prefix: PREFIX })) {
    if (key.toString().endsWith(suffix)) await datastore.delete(key)
  }
}

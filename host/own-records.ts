import type { PeerId } from '@libp2p/interface'
import type { BaseDatastore } from 'datastore-core'

/** Where kad-dht keeps provider records: `/dht/provider/<key>/<peer id>`. */
const PREFIX = '/dht/provider'

/**
 * Drops what this peer provided in its last life. The DHT announces again whatever it finds in its store, models that
 * are no longer shared included.
 */
export async function forgetOwnRecords(datastore: BaseDatastore, self: PeerId): Promise<void> {
  const suffix = `/${self.toString()}`
  for await (const key of datastore.queryKeys({ prefix: PREFIX })) {
    if (key.toString().endsWith(suffix)) await datastore.delete(key)
  }
}

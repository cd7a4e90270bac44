import type { KadDHTComponents } from '@libp2p/kad-dht'
import { shuffled } from '../shuffled.ts'
import { replaced } from './replaced.ts'

type Datastore = KadDHTComponents['datastore']

/** kad-dht keeps the providers of a key below `…/provider/<key>/`. */
const OF_ONE_KEY = /\/provider\/./

/**
 * A datastore that lists the providers of a key in another random order each time, for answers and for this host's own
 * searches. In the order of the store every asker would meet the same few first. A key has a bounded number of them.
 *
 * @param random from 0, below 1
 */
export function mixProviders(datastore: Datastore, random: () => number): Datastore {
  const query: Datastore['query'] = async function* (wanted, options) {
    const entries = datastore.query(wanted, options)
    if (!OF_ONE_KEY.test(wanted.prefix ?? '')) {
      yield* entries
      return
    }
    yield* shuffled(await Array.fromAsync(entries), random)
  }
  return replaced(datastore, 'query', query)
}

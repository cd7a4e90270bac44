import type { AbortOptions, PeerId, PeerStore } from '@libp2p/interface'
import type { KadDHT } from '@libp2p/kad-dht'
import type { CID } from 'multiformats/cid'
import { InferenceError, LIMITS } from '../protocol/index.ts'
import { openScope, raceSignal } from '../timing/index.ts'

export interface ProviderSearchInit {
  readonly dht: Pick<KadDHT, 'findProviders'>
  readonly self: PeerId
  readonly peerStore: Pick<PeerStore, 'merge'>
  readonly table: { readonly size: number }
  /** The look-up that fills the routing table, while one runs. */
  readonly filling: () => Promise<unknown> | undefined
  /** Fires when the host stops. */
  readonly signal: AbortSignal
}

const SEARCH_TIMEOUT_MS = 30_000

const MAX_PASSES = 3
/** As many as the advertisement book holds. One answer of a hostile peer has room for a hundred thousand. */
const MAX_PROVIDERS = 1_024

/**
 * Contract: `Host.findProviders`. A query goes from each peer only to those closer than itself, so from a table that is
 * just filling, or past peers too busy to answer, it may miss a record that is there. Then it is run again from what
 * the table has become; a query that all peers answered is final.
 */
export async function* searchProviders(
  init: ProviderSearchInit,
  key: CID,
  options: AbortOptions,
): AsyncGenerator<PeerId, void, void> {
  options.signal?.throwIfAborted()
  using scope = openScope(
    { timeoutMs: SEARCH_TIMEOUT_MS },
    { signal: options.signal, owner: init.signal },
  )
  const seen = new Set<string>()
  try {
    for (let pass = 0; pass < MAX_PASSES; pass += 1) {
      const filling = init.filling()
      const tableSize = init.table.size
      let unanswered = 0
      for await (const event of init.dht.findProviders(key, { signal: scope.signal })) {
        if (event.name === 'QUERY_ERROR') unanswered += 1
        if (event.name !== 'PROVIDER') continue
        for (const { id, multiaddrs } of event.providers) {
          const text = id.toString()
          if (seen.has(text) || id.equals(init.self)) continue
          seen.add(text)
          const addresses = multiaddrs.slice(0, LIMITS.maxAdvertisedAddresses)
          if (addresses.length > 0) await init.peerStore.merge(id, { multiaddrs: addresses })
          yield id
          if (seen.size >= MAX_PROVIDERS) return
        }
      }
      if (seen.size > 0) return
      if (filling !== undefined) await raceSignal(filling, scope.signal)
      else if (unanswered === 0 && init.table.size <= tableSize) return
    }
  } catch (error) {
    if (options.signal?.aborted === true) throw options.signal.reason
    // Out of time, or the host stops: the providers found so far were already yielded.
    if (!scope.signal.aborted) throw InferenceError.from(error, 'internal')
  }
}

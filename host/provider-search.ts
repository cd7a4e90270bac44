import type { AbortOptions, PeerId, PeerStore } from '@libp2p/interface'
import type { KadDHT } from '@libp2p/kad-dht'
import type { CID } from 'multiformats/cid'
import { InferenceError } from '../protocol/index.ts'
import { createDeadline } from './deadline.ts'

export interface ProviderSearchInit {
  readonly dht: Pick<KadDHT, 'findProviders'>
  readonly self: PeerId
  readonly peerStore: Pick<PeerStore, 'merge'>
  /** The look-up that fills the routing table, while one runs. */
  readonly filling: () => Promise<unknown> | undefined
  /** Fires when the host stops. */
  readonly signal: AbortSignal
}

const SEARCH_TIMEOUT_MS = 30_000

/**
 * Contract: `Host.findProviders`. From a table that is just filling the query may end at peers who do not know the
 * record, as each is asked only for peers closer than itself; then it is run again from the filled table.
 */
export async function* searchProviders(
  init: ProviderSearchInit,
  key: CID,
  options: AbortOptions,
): AsyncGenerator<PeerId, void, void> {
  options.signal?.throwIfAborted()
  const deadline = createDeadline(SEARCH_TIMEOUT_MS, options.signal, init.signal)
  const seen = new Set<string>()
  try {
    for (let pass = 0; pass < 2 && seen.size === 0; pass += 1) {
      const filling = init.filling()
      if (pass > 0) {
        if (filling === undefined) return
        await orAborted(filling, deadline.signal)
      }
      for await (const event of init.dht.findProviders(key, { signal: deadline.signal })) {
        if (event.name !== 'PROVIDER') continue
        for (const { id, multiaddrs } of event.providers) {
          const text = id.toString()
          if (seen.has(text) || id.equals(init.self)) continue
          seen.add(text)
          if (multiaddrs.length > 0) await init.peerStore.merge(id, { multiaddrs })
          yield id
        }
      }
      if (filling === undefined) return
    }
  } catch (error) {
    if (options.signal?.aborted === true) throw options.signal.reason
    // Out of time, or the host stops: what was found was found.
    if (!deadline.signal.aborted) throw InferenceError.from(error, 'internal')
  } finally {
    deadline.clear()
  }
}

function orAborted(promise: Promise<unknown>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    promise
      .then(() => resolve(), reject)
      .finally(() => signal.removeEventListener('abort', onAbort))
  })
}

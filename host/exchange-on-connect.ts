import type { IdentifyResult, Libp2p, PeerId } from '@libp2p/interface'
import { PROTOCOLS } from '../protocol/index.ts'
import { pause } from '../timing/index.ts'
import { PeerRates } from './peer-rates.ts'
import { TaskPool } from './task-pool.ts'

/** A joining host may meet dozens of peers within a second. */
const CONCURRENCY = 8
const MAX_WAITING = 256
/** A node registers the inference protocol a moment before it has issued an advertisement. */
const RETRY_AFTER_MS = 1_000
const MAX_TRIES = 3
/**
 * Fetches from one peer. A peer can send identify as often as it likes, and each fetch may bring dozens of signatures
 * to verify: enough for reconnects and for a node that starts to serve, too few to load this host.
 */
const RATE = { burst: 5, perSecond: 0.1 }

/**
 * Fetches advertisements from each peer that connects, once it has been identified.
 *
 * @param fetch resolves with whether the peer offered one of its own
 */
export function exchangeOnConnect(init: {
  readonly libp2p: Pick<Libp2p, 'addEventListener' | 'removeEventListener' | 'getConnections'>
  readonly fetch: (peer: PeerId, signal: AbortSignal) => Promise<boolean>
  readonly signal: AbortSignal
  readonly now: () => number
  readonly onError: (peer: PeerId, error: unknown) => void
}): void {
  const { libp2p, signal } = init
  const pool = new TaskPool({ concurrency: CONCURRENCY, maxWaiting: MAX_WAITING })
  const pending = new Set<string>()
  const rates = new PeerRates(RATE)

  const visit = async (peer: PeerId, mayServe: boolean): Promise<void> => {
    const tries = mayServe ? MAX_TRIES : 1
    for (let attempt = 0; attempt < tries && !signal.aborted; attempt += 1) {
      if (libp2p.getConnections(peer).length === 0) return
      if (await init.fetch(peer, signal)) return
      if (attempt + 1 < tries) await pause(RETRY_AFTER_MS, { signal })
    }
  }

  const onIdentify = (event: CustomEvent<IdentifyResult>): void => {
    const { peerId, protocols } = event.detail
    const key = peerId.toString()
    if (!protocols.includes(PROTOCOLS.advertisement) || pending.has(key)) return
    if (!rates.take(peerId, init.now())) return
    const mayServe = protocols.includes(PROTOCOLS.inference)
    const offered = pool.offer(async () => {
      try {
        await visit(peerId, mayServe)
      } catch (error) {
        if (!signal.aborted) init.onError(peerId, error)
      } finally {
        pending.delete(key)
      }
    })
    if (offered) pending.add(key)
  }

  libp2p.addEventListener('peer:identify', onIdentify)
  signal.addEventListener(
    'abort',
    () => {
      libp2p.removeEventListener('peer:identify', onIdentify)
      pool.clear()
    },
    { once: true },
  )
}

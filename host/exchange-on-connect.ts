import type { IdentifyResult, Libp2p, PeerId } from '@libp2p/interface'
import { PROTOCOLS } from '../protocol/index.ts'
import { pause } from '../timing/index.ts'
import { PeerRates } from './peer-rates.ts'
import { TaskPool } from './task-pool.ts'

/** A joining host may meet dozens of peers within a second. */
const CONCURRENCY = 8
const MAX_WAITING = 256
/** A node speaks the inference protocol a moment before it has an advertisement to offer. */
const RETRY_AFTER_MS = 1_000
const MAX_TRIES = 3
/**
 * Visits to one peer. It can say what it speaks as often as it likes, and each visit may bring dozens of signatures to
 * check: enough for reconnects and for a node that starts to serve, too few to keep us busy.
 */
const RATE = { burst: 5, perSecond: 0.1 }

/**
 * Asks each peer that connects for advertisements, once it has said what it speaks.
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

import type { Connection, IdentifyResult, Libp2p, PeerId } from '@libp2p/interface'
import { PROTOCOLS } from '../protocol/index.ts'
import { pause } from '../timing/index.ts'
import { listenUntil } from './listen-until.ts'
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

/** A fetch from one peer, with its repetitions. */
interface Visit {
  /** Whether the peer may be a node that has no advertisement yet: it is asked again. */
  mayServe: boolean
  isIdentified: boolean
}

/**
 * Fetches advertisements from each peer that connects: from a peer that this host dialled at once, in the first flight of
 * messages, from others once they have been identified.
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
  const visits = new Map<string, Visit>()
  /** Whether the peer offered an advertisement before it was identified over this connection. */
  const asked = new WeakMap<Connection, boolean>()
  const rates = new PeerRates(RATE)

  const fetchFrom = async (peer: PeerId, visit: Visit): Promise<boolean> => {
    for (let tries = 1; !signal.aborted && libp2p.getConnections(peer).length > 0; tries += 1) {
      if (await init.fetch(peer, signal)) return true
      if (!visit.mayServe || tries === MAX_TRIES) return false
      await pause(RETRY_AFTER_MS, { signal })
    }
    return false
  }

  const begin = (peer: PeerId, visit: Visit, connection?: Connection): void => {
    const key = peer.toString()
    if (!rates.take(peer, init.now())) return
    const isTaken = pool.offer(async () => {
      try {
        const hasOffered = await fetchFrom(peer, visit)
        if (connection !== undefined && !visit.isIdentified) asked.set(connection, hasOffered)
      } catch (error) {
        if (!signal.aborted) init.onError(peer, error)
      } finally {
        visits.delete(key)
      }
    })
    if (isTaken) visits.set(key, visit)
  }

  const onConnect = ({ detail: peer }: CustomEvent<PeerId>): void => {
    const [connection] = libp2p.getConnections(peer)
    if (connection?.direction !== 'outbound' || visits.has(peer.toString())) return
    begin(peer, { mayServe: false, isIdentified: false }, connection)
  }

  const onIdentify = (event: CustomEvent<IdentifyResult>): void => {
    const { peerId, protocols, connection } = event.detail
    const mayServe = protocols.includes(PROTOCOLS.inference)
    const visit = visits.get(peerId.toString())
    if (visit !== undefined) {
      Object.assign(visit, { mayServe, isIdentified: true })
      return
    }
    const hasOffered = asked.get(connection)
    asked.delete(connection)
    const isDone = hasOffered === true || (hasOffered === false && !mayServe)
    if (isDone || !protocols.includes(PROTOCOLS.advertisement)) return
    begin(peerId, { mayServe, isIdentified: true })
  }

  listenUntil(signal, libp2p, { 'peer:connect': onConnect, 'peer:identify': onIdentify })
  signal.addEventListener('abort', () => pool.clear(), { once: true })
}

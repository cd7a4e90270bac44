import type { Libp2p, PeerId } from '@libp2p/interface'
import { backoffMs, EQUAL_JITTER, openScope, pause } from '../timing/index.ts'

export interface KnownPeerDialerInit {
  readonly libp2p: Pick<
    Libp2p,
    'addEventListener' | 'dial' | 'getConnections' | 'getPeers' | 'removeEventListener'
  >
  /** Peers to dial, the most promising first, with their addresses in the peer store. */
  readonly candidates: () => Promise<readonly PeerId[]>
  readonly signal: AbortSignal
  /** From 0 to 1. */
  readonly random: () => number
}

const DIAL_TIMEOUT_MS = 5_000
const CONCURRENCY = 8
/** Peers dialled in one round. */
const MAX_CANDIDATES = 64
/** With this many connections the DHT finds the other peers. */
const ENOUGH_PEERS = 4
const BACKOFF = { minMs: 1_000, maxMs: 30_000, jitter: EQUAL_JITTER }

/**
 * Dials peers known from before: at the start, and whenever no peer is connected. With it a host needs no bootstrap peer
 * once it has met others.
 *
 * @returns resolves after the first round.
 */
export function dialKnownPeers(init: KnownPeerDialerInit): Promise<void> {
  const first = dialRound(init)
  void first.then(() => keepTrying(init))
  return first
}

async function keepTrying(init: KnownPeerDialerInit): Promise<void> {
  let attempt = 0
  while (!init.signal.aborted) {
    if (init.libp2p.getConnections().length > 0) {
      attempt = 0
      await untilAlone(init)
    }
    await pause(backoffMs(attempt, BACKOFF, init.random()), { signal: init.signal })
    if (init.signal.aborted) return
    attempt += 1
    if (init.libp2p.getConnections().length === 0) await dialRound(init)
  }
}

/** Resolves once no peer is connected, or the signal fires. */
function untilAlone({ libp2p, signal }: KnownPeerDialerInit): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (libp2p.getConnections().length > 0 && !signal.aborted) return
      libp2p.removeEventListener('connection:close', look)
      signal.removeEventListener('abort', look)
      resolve()
    }
    libp2p.addEventListener('connection:close', look)
    signal.addEventListener('abort', look)
    look()
  })
}

/** Never rejects: skips peers that do not answer. */
async function dialRound(init: KnownPeerDialerInit): Promise<void> {
  const candidates = await init.candidates().catch(() => [])
  const queue = candidates.slice(0, MAX_CANDIDATES)
  const dialNext = async (): Promise<void> => {
    for (let peer = queue.shift(); peer !== undefined; peer = queue.shift()) {
      if (init.signal.aborted || init.libp2p.getPeers().length >= ENOUGH_PEERS) return
      using scope = openScope({ timeoutMs: DIAL_TIMEOUT_MS }, { owner: init.signal })
      try {
        await init.libp2p.dial(peer, { signal: scope.signal })
      } catch {
        // Offline, or at other addresses by now.
      }
    }
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, dialNext))
}

import type { Libp2p, PeerId } from '@libp2p/interface'
import { backoffMs, EQUAL_JITTER, openScope, pause } from '../timing/index.ts'

export interface KnownPeerDialerInit {
  readonly libp2p: Pick<
    Libp2p,
    'addEventListener' | 'dial' | 'getConnections' | 'removeEventListener'
  >
  /** Whether a connected peer serves the DHT. Those that do not, such as clients, lead to no others. */
  readonly hasServer: () => Promise<boolean>
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
/** With peers that lead to no others, as in a swarm of which all nodes are behind NATs. */
const MAX_PAUSE_MS = 300_000

/**
 * Dials peers known from before: at the start, and whenever no connected peer leads to others. With it a host needs no
 * bootstrap peer once it has met others.
 *
 * @returns resolves after the first round.
 */
export function dialKnownPeers(init: KnownPeerDialerInit): Promise<void> {
  const first = dialRound(init)
  void first.then(() => keepTrying(init))
  return first
}

async function keepTrying(init: KnownPeerDialerInit): Promise<void> {
  const { libp2p, random, signal } = init
  let attempt = 0
  while (!signal.aborted) {
    if (await init.hasServer()) {
      attempt = 0
      await untilOneIsLost(init)
    }
    const maxMs = libp2p.getConnections().length > 0 ? MAX_PAUSE_MS : BACKOFF.maxMs
    await pause(backoffMs(attempt, { ...BACKOFF, maxMs }, random()), { signal })
    if (signal.aborted || (await init.hasServer())) continue
    attempt += 1
    await dialRound(init)
  }
}

/** Resolves when a connection closes, or the signal fires. */
function untilOneIsLost({ libp2p, signal }: KnownPeerDialerInit): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      libp2p.removeEventListener('connection:close', settle)
      signal.removeEventListener('abort', settle)
      resolve()
    }
    libp2p.addEventListener('connection:close', settle)
    signal.addEventListener('abort', settle)
    if (signal.aborted) settle()
  })
}

/** Never rejects: skips peers that do not answer. */
async function dialRound(init: KnownPeerDialerInit): Promise<void> {
  const candidates = await init.candidates().catch(() => [])
  const queue = candidates.slice(0, MAX_CANDIDATES)
  const dialNext = async (): Promise<void> => {
    for (let peer = queue.shift(); peer !== undefined; peer = queue.shift()) {
      if (init.signal.aborted || dialledPeers(init.libp2p) >= ENOUGH_PEERS) return
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

/** Connected peers that this host has dialled. Those that came by themselves are clients, as a rule. */
function dialledPeers(libp2p: Pick<Libp2p, 'getConnections'>): number {
  const outbound = libp2p.getConnections().filter(({ direction }) => direction === 'outbound')
  return new Set(outbound.map(({ remotePeer }) => remotePeer.toString())).size
}

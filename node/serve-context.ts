import type { Host } from '../host/index.ts'
import type { ServedLog } from '../ledger/index.ts'
import { ByteBudget } from '../protocol/index.ts'
import { systemClock } from '../timing/index.ts'
import { Fairness, type Gate, Pacer, PeerLedger } from './admission/index.ts'
import type { InForce } from './live-settings.ts'
import type { NodeInit } from './node-init.ts'
import type { NodeStatus } from './node-status.ts'
import { KeptStreams, type ServeContext } from './serve/index.ts'
import type { ResolvedLimits } from './settings.ts'
import type { SharedModels } from './shared-models.ts'

/** Peers whose use is kept. */
const MAX_PEERS = 10_000
/** Probes are small and answered from memory. */
const PROBE_RATE = { perSecond: 50, burst: 200 }
const MAX_PROBE_STREAMS = 32

/** Builds what all requests to a node share. */
export function createServeContext({
  host,
  init,
  models,
  inForce,
  limits,
  served,
  now,
  given,
  status,
  gate,
  signal,
}: {
  readonly host: Host
  readonly init: NodeInit
  readonly models: SharedModels
  readonly inForce: InForce
  readonly limits: ResolvedLimits
  readonly served: ServedLog
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Tokens of work credited to a peer. */
  readonly given: (peer: string) => number
  readonly status: NodeStatus
  readonly gate: Gate
  /** Fires when the node leaves at once. */
  readonly signal: AbortSignal
}): ServeContext {
  const self = host.peerId.toString()
  return {
    backend: init.backend,
    models,
    status,
    gate,
    // The owner, who asks over the same host, owes this node nothing; nor do peers that the owner trusts.
    fairness: new Fairness({
      given: (peer) =>
        peer === self || init.markOf?.(peer) === 'trusted' ? Number.POSITIVE_INFINITY : given(peer),
      now,
    }),
    served,
    peers: new PeerLedger({
      maxStreams: limits.maxStreamsPerPeer,
      rate: { perSecond: limits.requestsPerSecondPerPeer, burst: limits.requestBurstPerPeer },
      maxPeers: MAX_PEERS,
      now,
    }),
    probes: new PeerLedger({
      maxStreams: MAX_PROBE_STREAMS,
      rate: PROBE_RATE,
      maxPeers: MAX_PEERS,
      now,
    }),
    kept: new KeptStreams(),
    memory: new ByteBudget(limits.maxMemoryBytes),
    pacer: new Pacer({ tokensPerSecond: init.maxTokensPerSecond ?? 0, now }),
    access: {
      allow: {
        get size() {
          return inForce.allow.size
        },
        has: (peer) => peer === self || inForce.allow.has(peer),
      },
      get deny() {
        return inForce.deny
      },
    },
    limits,
    get maxTokens() {
      return inForce.maxTokens
    },
    signal,
    acceptsTraces: host.isPrivate,
    clock: { ...systemClock, wall: now },
    log: host.libp2p.logger.forComponent('skein:node:serve'),
    onRequest: (request) => init.onRequest?.(request),
  }
}

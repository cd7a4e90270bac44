import { InferenceError } from '../protocol/index.ts'
import { systemClock } from '../timing/index.ts'
import type { HostInit } from './host.ts'
import type { OpenedMembership } from './members/index.ts'
import { RELAY_LIMITS } from './relay/index.ts'

/** Connection settings; `inbound/` bounds the number of connections. */
export const CONNECTIONS = {
  /** Inbound connections a second from one IP address. A swarm behind one NAT, or in one process, has a single address. */
  inboundConnectionThreshold: 100,
  dialTimeout: 10_000,
  addressDialTimeout: 5_000,
  maxPeerAddrsToDial: 16,
  outboundStreamProtocolNegotiationTimeout: 5_000,
  inboundStreamProtocolNegotiationTimeout: 5_000,
} as const

/** Each attempt in flight has a stream, so streams are many; the window stays within libp2p's 4 MiB read buffer. */
export const MUXER = {
  maxInboundStreams: 5_000,
  maxOutboundStreams: 5_000,
  streamOptions: { initialStreamWindowSize: 2_097_152, maxStreamWindowSize: 4_194_304 },
} as const

/** Pings of the muxer keep the mappings of routers; the shortest that are common last for a minute. */
const KEEP_ALIVE_MS = 40_000
/** The side that accepted a connection only has to find out, some time, that the other one is gone. */
const ACCEPTED_KEEP_ALIVE_MS = 120_000

/**
 * Hosts that started together, for instance after an outage, must not keep pinging together: each connection has an
 * interval of its own.
 *
 * @param random from 0, below 1
 */
export function keepAliveMs(direction: 'inbound' | 'outbound', random: number): number {
  const usual = direction === 'outbound' ? KEEP_ALIVE_MS : ACCEPTED_KEEP_ALIVE_MS
  return Math.round(usual * (0.75 + random / 2))
}

/** Of others, in one exchange on connecting. */
export const MAX_KNOWN_ASKED = 64

/** Time limit of `stop`. */
export const STOP_TIMEOUT_MS = 3_000

const LISTEN_ALL = [
  '/ip4/0.0.0.0/tcp/0',
  '/ip4/0.0.0.0/tcp/0/ws',
  '/ip6/::/tcp/0',
  '/ip6/::/tcp/0/ws',
]

/** The caller's options with defaults applied. */
export interface ResolvedHostInit extends Omit<HostInit, 'membership'> {
  readonly listen: readonly string[]
  readonly announce: readonly string[]
  readonly noAnnounce: readonly string[]
  readonly bootstrap: readonly string[]
  readonly mdns: boolean
  readonly portMapping: boolean
  readonly webrtc: boolean
  readonly ownSwarm: boolean
  readonly peerExchange: boolean
  readonly relay: 'always' | 'when-public' | 'never'
  readonly relayBytesPerSecond: number
  readonly maxOpenFiles: number
  readonly now: () => number
  readonly onFault: (message: string) => void
}

/** With the name of the swarm, which depends on the identity. */
export interface NamedHostInit extends ResolvedHostInit {
  readonly swarmName: string
  readonly membership?: OpenedMembership
}

/** @throws InferenceError `invalid_request` for an invalid swarm key. */
export function resolveHostInit(init: Omit<HostInit, 'membership'>): ResolvedHostInit {
  if (init.swarmKey?.length === 0)
    throw new InferenceError('invalid_request', 'the swarm key is empty')
  const relay = init.relay ?? 'never'
  return {
    ...init,
    relay,
    relayBytesPerSecond:
      init.relayBytesPerSecond ??
      (relay === 'always' ? RELAY_LIMITS.bootstrapBytesPerSecond : RELAY_LIMITS.nodeBytesPerSecond),
    listen: init.listen ?? (init.dht === 'server' ? LISTEN_ALL : []),
    announce: init.announce ?? [],
    noAnnounce: init.noAnnounce ?? [],
    bootstrap: init.bootstrap ?? [],
    mdns: init.mdns ?? false,
    portMapping: init.portMapping ?? false,
    webrtc: init.webrtc ?? false,
    ownSwarm: init.ownSwarm ?? false,
    peerExchange: init.peerExchange ?? true,
    maxOpenFiles: init.maxOpenFiles ?? Number.POSITIVE_INFINITY,
    now: init.now ?? systemClock.wall,
    onFault: init.onFault ?? (() => {}),
  }
}

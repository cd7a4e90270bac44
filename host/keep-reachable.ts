import type { Libp2p, PrivateKey } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { openScope, systemClock } from '../timing/index.ts'
import type { ResolvedHostInit } from './defaults.ts'
import { followDhtMode } from './dht-mode.ts'
import { dialDirectly } from './direct-dials.ts'
import { type DirectPathsState, keepDirectPaths } from './direct-path/index.ts'
import type { Gater } from './gater.ts'
import type { BootstrapState, JoinOptions } from './host.ts'
import type { NameLookup } from './name-lookup.ts'
import { type Inner, natPmp, PortMapper, type PortMapping, upnp } from './port-mapping/index.ts'
import { endpointOf, keepReach, type OwnAddresses, type Reach } from './reach/index.ts'
import type { Relaying } from './relaying.ts'
import { SameNetwork } from './same-network/index.ts'
import type { HostServices } from './services.ts'

export interface KeepReachableInit {
  readonly init: ResolvedHostInit
  readonly libp2p: Libp2p<HostServices>
  readonly privateKey: PrivateKey
  readonly own: OwnAddresses
  readonly relaying: Relaying
  readonly gater: Gater
  readonly lookup: NameLookup
  readonly bootstrapPeers: () => readonly BootstrapState[]
  readonly random: () => number
  readonly signal: AbortSignal
  readonly onError: (what: string, error: unknown) => void
}

export interface Reachable {
  readonly reach: Reach
  /** Only on a host that listens and may ask a router. */
  readonly mapper?: PortMapper
  /** Contract: `Host.directPaths`. */
  readonly directPaths: () => DirectPathsState
  /** Contract: `Host.portMapping`. */
  portMapping(options?: JoinOptions): Promise<PortMapping>
}

/** Each way of asking a router, and the wait for the first look. */
const MAPPED_TIMEOUT_MS = 16_000

/** Starts everything that makes a host reachable, and finds the shortest way to others. */
export async function keepReachable(parts: KeepReachableInit): Promise<Reachable> {
  const { init, libp2p, own, relaying, gater, signal, random, onError } = parts
  const { now } = init
  const isTrusted = (peer: string): boolean =>
    parts.bootstrapPeers().some(({ address }) => address.endsWith(`/p2p/${peer}`))
  gater.attach(new SameNetwork({ libp2p, isTrusted, now, signal }))
  dialDirectly({ libp2p, clock: systemClock, random, signal, onError })
  const reach = await keepReach({
    ...{ libp2p, own, random, signal, onError, isTrusted },
    lookup: parts.lookup,
    dialExactly: (address, options) => libp2p.services.exactDialer.dial(address, options),
    isRelayed: () => relaying.addresses.length > 0,
    serve: init.dht === 'server',
    clock: systemClock,
  })
  reach.onChange(() => relaying.check())
  const directPaths = await keepDirectPaths({
    ...{ libp2p, own, isTrusted, now, random, signal },
    privateKey: parts.privateKey,
    upgrader: libp2p.services.upgrader,
    role: !init.webrtc ? 'off' : init.relay === 'always' ? 'serve' : 'use',
    needsPaths: () => relaying.needsRelays(),
    onFault: init.onFault,
  })
  const portMapping = (): Promise<PortMapping> => Promise.resolve({ status: 'off' })
  if (init.dht === 'server')
    followDhtMode({
      ...{ libp2p, dht: libp2p.services.dht, signal, onError },
      isPublic: () => relaying.isPublic(),
      seenAt: () => reach.report().seenAt,
      onReachability: reach.onChange,
    })
  if (!init.portMapping || init.listen.length === 0) return { reach, directPaths, portMapping }
  const log = libp2p.logger.forComponent('skein:port-mapping')
  const mapper = new PortMapper({
    ...{ random, signal },
    methods: [natPmp, upnp],
    inner: () => portToMap(own, reach.report().seenAt),
    onChange: reach.check,
    clock: systemClock,
    log: (text) => log(text),
  })
  return {
    reach,
    directPaths,
    mapper,
    async portMapping({ timeoutMs = MAPPED_TIMEOUT_MS, signal: caller } = {}) {
      using scope = openScope({ timeoutMs }, { signal: caller, owner: signal })
      await mapper.settled(scope.signal)
      return mapper.state
    },
  }
}

/**
 * The TCP port for a router to forward: of a host that peers outside see at a public IPv4 address, and that announces
 * no public IPv4 address of its own. A host that sees nothing of the Internet never asks a router.
 */
function portToMap(own: OwnAddresses, seenAt: readonly string[]): Inner | undefined {
  if (!seenAt.some((ip) => !ip.includes(':'))) return undefined
  const all = own.all().filter(({ source }) => source === 'interface' || source === 'announced')
  const isPublic = all.some(
    ({ address, reach }) => reach === 'public' && !address.startsWith('/ip6'),
  )
  if (isPublic) return undefined
  for (const { address, reach } of all) {
    const endpoint = reach === 'lan' ? endpointOf(multiaddr(address)) : undefined
    if (endpoint?.family === 4 && !endpoint.webSocket) return endpoint
  }
  return undefined
}

import type { Libp2p, PrivateKey, Upgrader } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { PROTOCOLS } from '../../protocol/index.ts'
import { systemClock } from '../../timing/index.ts'
import { endpointOf, type OwnAddresses } from '../reach/index.ts'
import { DirectPaths, openDirectPaths } from './direct-paths.ts'
import { isRtcInstalled, loadRtc } from './rtc.ts'
import { createSightingServer } from './sighting-server.ts'
import { serveStun } from './stun-server.ts'

/** The part of a host in direct paths between NATs. */
export type DirectPathsState =
  /** `missing`: the package `node-datachannel` is not installed. */
  | { readonly status: 'off' | 'missing' }
  /** A bootstrap peer, which tells others where it sees them. `stunPort`: a UDP port; absent where it answers no STUN. */
  | { readonly status: 'serving'; readonly stunPort?: number }
  | {
      readonly status: 'on'
      /** Direct paths that are open. */
      readonly open: number
      /** Why the last attempt failed, if one did. */
      readonly lastFailure?: string
    }

export interface KeepDirectPathsInit {
  readonly libp2p: Libp2p
  readonly upgrader: Pick<Upgrader, 'upgradeInbound' | 'upgradeOutbound'>
  readonly own: OwnAddresses
  readonly privateKey: PrivateKey
  /** `serve`: as a bootstrap peer does. `use`: as all others do. */
  readonly role: 'serve' | 'use' | 'off'
  readonly isTrusted: (peer: string) => boolean
  /** Whether there are peers outside that cannot dial this host. */
  readonly needsPaths: () => boolean
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly random: () => number
  readonly signal: AbortSignal
  /** Called with a message for the operator. */
  readonly onFault: (message: string) => void
  /** Whether the native package is there. @default looks for it */
  readonly isInstalled?: () => boolean
}

/** Starts a host's part in direct paths. @returns its current state on call */
export async function keepDirectPaths(init: KeepDirectPathsInit): Promise<() => DirectPathsState> {
  switch (init.role) {
    case 'off':
      return () => ({ status: 'off' })
    case 'serve':
      return await serve(init)
    case 'use':
      return await use(init)
    default:
      return init.role satisfies never
  }
}

async function serve(init: KeepDirectPathsInit): Promise<() => DirectPathsState> {
  const { libp2p, privateKey, now } = init
  const port = await openStun(init)
  const stun = port === undefined ? {} : { stunPort: port }
  await libp2p.handle(PROTOCOLS.sighting, createSightingServer({ privateKey, now, ...stun }), {
    maxInboundStreams: 2,
  })
  return () => ({ status: 'serving', ...stun })
}

/**
 * Answers STUN at the number of the first TCP port. Over IPv6, sockets have the address that is seen, and none needs to
 * be asked for.
 *
 * @returns the UDP port; `undefined` where the host listens on no IPv4 address, or the port is taken
 */
async function openStun(init: KeepDirectPathsInit): Promise<number | undefined> {
  const { own, signal, onFault } = init
  const listening = own
    .all()
    .filter(({ source }) => source === 'interface')
    .map(({ address }) => endpointOf(multiaddr(address)))
    .filter((endpoint) => endpoint?.family === 4)
  const [first, ...others] = listening
  if (first === undefined) return undefined
  const { port } = first
  const ip = others.every((other) => other?.ip === first.ip) ? first.ip : '0.0.0.0'
  try {
    return await serveStun({ ip, port, now: systemClock.now, signal })
  } catch (error) {
    if (signal.aborted) throw error
    const { code } = error as NodeJS.ErrnoException
    onFault(
      `cannot answer STUN at UDP port ${port} (${code ?? String(error)}): peers behind NAT use relays. Free the port, or listen at another one`,
    )
    return undefined
  }
}

async function use(init: KeepDirectPathsInit): Promise<() => DirectPathsState> {
  const {
    libp2p,
    upgrader,
    isTrusted,
    needsPaths,
    random,
    signal,
    isInstalled = isRtcInstalled,
  } = init
  if (!isInstalled()) return () => ({ status: 'missing' })
  const log = libp2p.logger.forComponent('skein:direct-path')
  const paths = new DirectPaths({
    ...{ libp2p, upgrader, rtc: loadRtc, isTrusted, needsPaths, random, signal, log },
    clock: systemClock,
  })
  await paths.start()
  return () => ({
    status: 'on',
    open: openDirectPaths(libp2p),
    ...(paths.lastFailure !== undefined && { lastFailure: paths.lastFailure }),
  })
}

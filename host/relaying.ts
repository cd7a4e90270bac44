import type { Connection, ConnectionGater, Libp2p, PeerId } from '@libp2p/interface'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { InferenceError } from '../protocol/index.ts'
import { everyTogether, openScope, systemClock } from '../timing/index.ts'
import { dialTarget, isPublicAddress } from './address-scope.ts'
import type { ResolvedHostInit } from './defaults.ts'
import type { RelayingState } from './host.ts'
import type { OwnAddresses } from './reach/index.ts'
import { RelayKeeper, RelayServer, RelaySuspicions, relayOf } from './relay/index.ts'

/** Interval of checks for a public address. */
const CHECK_EVERY_MS = 10_000

export interface RelayingComponents {
  readonly libp2p: Libp2p
  /** From 0 to 1. */
  readonly random: () => number
  /** Fires when the host stops. */
  readonly signal: AbortSignal
  readonly onError: (what: string, error: unknown) => void
}

/**
 * The relaying of a host: it relays for others while they can reach it, and holds reservations while they cannot.
 * Made before the libp2p instance, whose configuration it takes part in, and started with it.
 */
export class Relaying {
  readonly #init: ResolvedHostInit
  readonly #own: OwnAddresses
  readonly suspicions: RelaySuspicions
  #libp2p: Libp2p | undefined
  #server: RelayServer | undefined
  #keeper: RelayKeeper | undefined
  #follow: () => void = () => {}

  constructor(init: ResolvedHostInit, own: OwnAddresses) {
    this.#init = init
    this.#own = own
    this.suspicions = new RelaySuspicions(init.now)
  }

  /** Ends a connection over which the peer went silent. A relay that carried it becomes a suspect. */
  avoid(connection: Connection): void {
    const relay = relayOf(connection.remoteAddr)
    if (relay !== undefined) this.suspicions.suspect(relay)
    connection.abort(new InferenceError('path_lost', 'the peer went silent over this connection'))
  }

  /** Admits relayed connections only through relays where this host asked for it. */
  readonly connectionGater: ConnectionGater = {
    denyInboundRelayedConnection: (relay: PeerId) => this.#keeper?.holds(relay) !== true,
  }

  /** Where others reach this host through relays, this host's id at the end. */
  get addresses(): readonly Multiaddr[] {
    const suffix = `/p2p/${this.#libp2p?.peerId.toString() ?? ''}`
    return (this.#keeper?.held ?? []).flatMap(({ addresses }) =>
      addresses.map((address) => address.encapsulate(suffix)),
    )
  }

  /** Resolves once a reservation is held, none can be expected, or the time is up. */
  async settled(timeoutMs: number, signal: AbortSignal | undefined): Promise<void> {
    const { bootstrap, listen } = this.#init
    const mayRelay = bootstrap.some((address) => listen.length === 0 || !isLoopback(address))
    if (!mayRelay || !this.needsRelays()) return
    using scope = openScope({ timeoutMs }, { owner: signal })
    await this.#keeper?.firstHeld(scope.signal)
  }

  /** Whether peers outside can dial this host over some version of IP. */
  isPublic(): boolean {
    // A bootstrap peer is at a public address by its operator's word.
    if (this.#init.relay === 'always') return this.#own.announced([]).some(isPublicAddress)
    return this.#own.openVersions().size > 0
  }

  /** Whether there are peers that reach this host through relays only, such as those without IPv6. */
  needsRelays(): boolean {
    return !this.#own.openVersions().has(4)
  }

  /** Re-evaluates at once, after a change of reachability, whether this host should relay or use relays. */
  check(): void {
    this.#follow()
    this.#keeper?.check()
  }

  get state(): RelayingState {
    const held = this.#keeper?.held ?? []
    return {
      ...(this.#server?.isRunning === true && { use: this.#server.use }),
      held: held.map(({ relay, addresses, expiresAtMs }) => ({
        relay: relay.toString(),
        addresses: addresses.map(String),
        expiresAtMs,
      })),
    }
  }

  async start({ libp2p, random, signal, onError }: RelayingComponents): Promise<void> {
    this.#libp2p = libp2p
    const { relay, relayBytesPerSecond, dht, listen, now } = this.#init
    const log = libp2p.logger.forComponent('skein:relay')
    if (relay !== 'never') {
      const bytesPerSecond = relayBytesPerSecond
      const server = new RelayServer({ libp2p, bytesPerSecond, now, log, signal })
      this.#server = server
      const follow = (): Promise<void> =>
        relay === 'always' || this.isPublic() ? server.start() : server.stop()
      await follow()
      this.#follow = () => {
        follow().catch((error: unknown) => onError('starting or stopping to relay', error))
      }
      everyTogether(systemClock, CHECK_EVERY_MS, this.#follow, { signal })
    }
    if (dht === 'server') {
      this.#keeper = new RelayKeeper({
        ...{ libp2p, signal, now, random, log },
        isNeeded: () => this.needsRelays(),
        useLoopback: listen.length === 0,
        onChange: () => {
          announceAddresses(libp2p).catch((error: unknown) =>
            onError('announcing relay addresses', error),
          )
        },
      })
    }
  }
}

function isLoopback(address: string): boolean {
  const target = dialTarget(multiaddr(address))
  return target.kind === 'ip' && target.scopes.includes('loopback')
}

/** Writes the addresses into our own entry of the peer store, so that libp2p announces them to connected peers. */
export async function announceAddresses(libp2p: Libp2p): Promise<void> {
  const suffix = `/p2p/${libp2p.peerId.toString()}`
  const multiaddrs = libp2p
    .getMultiaddrs()
    .map((address) => multiaddr(address.toString().replace(new RegExp(`${suffix}$`), '')))
  await libp2p.peerStore.patch(libp2p.peerId, { multiaddrs })
}

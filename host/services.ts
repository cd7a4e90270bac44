import type { Identify } from '@libp2p/identify'
import type { Connection, StreamHandler, Upgrader } from '@libp2p/interface'
import type { Registrar, TransportManager } from '@libp2p/interface-internal'
import { type KadDHT, passthroughMapper } from '@libp2p/kad-dht'
import { type Ping, ping } from '@libp2p/ping'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { ServiceFactoryMap } from 'libp2p'
import { PROTOCOLS } from '../protocol/index.ts'
import { boundedIdentify } from './bounded-identify.ts'
import type { NamedHostInit } from './defaults.ts'
import { guardedDht } from './dht-guard/index.ts'
import type { GateComponents } from './members/index.ts'
import { type Neighbours, neighbours } from './neighbours.ts'
import type { PatientDialOptions } from './network/index.ts'
import type { AddressSources, OwnAddresses } from './reach/index.ts'
import { serviceTag } from './swarm-name.ts'

/** Of hosts in a swarm with members. */
const IDENTIFY_TIMEOUT_MS = 20_000

interface ExactDialOptions {
  readonly signal: AbortSignal
  /** TCP port of this machine to dial from. @default one of the system's choice */
  readonly localPort?: number
}

/** Opens a new connection to exactly one address, without reuse of an open one. */
export interface ExactDialer {
  dial(address: Multiaddr, options: ExactDialOptions): Promise<Connection>
}

interface DialComponents {
  readonly transportManager: Pick<TransportManager, 'dial'>
}

/** Handlers of the protocols that this host serves. */
interface Handlers {
  /** @throws if the protocol is not served */
  of(protocol: string): StreamHandler
}

interface HandlerComponents {
  readonly registrar: Pick<Registrar, 'getHandler'>
}

interface UpgraderComponents {
  readonly upgrader: Upgrader
}

export interface HostServices extends Record<string, unknown> {
  readonly identify: Identify
  readonly ping: Ping
  readonly dht: KadDHT
  readonly ownAddresses: OwnAddresses
  readonly exactDialer: ExactDialer
  readonly handlers: Handlers
  readonly upgrader: Upgrader
  readonly mdns?: Neighbours
}

/** What runs on every host's libp2p instance. */
export function createServices(
  init: Pick<NamedHostInit, 'dht' | 'mdns' | 'membership' | 'now' | 'swarmKey' | 'swarmName'>,
  own: OwnAddresses,
  mapped: AddressSources['mapped'],
): ServiceFactoryMap<HostServices> {
  const { membership } = init
  const services = {
    // The first one: no other part may see a connection before its gate does.
    ...(membership !== undefined && {
      membershipGate: (components: GateComponents) => {
        membership.gate.attach(components)
        return membership.gate
      },
    }),
    ownAddresses: (components: AddressComponents) => {
      own.attach(addressSources(components, mapped))
      return own
    },
    exactDialer: ({ transportManager }: DialComponents) => ({
      dial: (address: Multiaddr, options: ExactDialOptions) => {
        const patient: ExactDialOptions & PatientDialOptions = { ...options, isPatient: true }
        return transportManager.dial(address, patient)
      },
    }),
    handlers: ({ registrar }: HandlerComponents) => ({
      of: (protocol: string) => registrar.getHandler(protocol).handler,
    }),
    upgrader: ({ upgrader }: UpgraderComponents) => upgrader,
    // With members it waits for the proof.
    identify: boundedIdentify(membership === undefined ? {} : { timeout: IDENTIFY_TIMEOUT_MS }),
    // By default 2 in and 1 out, which the connection monitor and the DHT's own pings use up between them.
    ping: ping({ maxInboundStreams: 8, maxOutboundStreams: 8 }),
    dht: guardedDht(
      {
        protocol: PROTOCOLS.kad,
        clientMode: init.dht === 'client',
        // The gater decides what is dialled; a private address is the right one for a neighbour.
        peerInfoMapper: passthroughMapper,
        allowQueryWithZeroPeers: true,
        // Nine peers at a time; with the DHT's own ten times ten a joining host queries all peers at once.
        alpha: 3,
        disjointPaths: 3,
        // Servers drop a provider whose addresses are older than an hour, so records are renewed well before that.
        reprovide: { validity: 30 * 60_000, threshold: 20 * 60_000, interval: 5 * 60_000 },
        // The host fills the table itself as soon as a peer connects.
        initialQuerySelfInterval: 5 * 60_000,
        // These follow what peers take, between the bounds: a peer that is gone must not hold up a query, and one on a
        // busy machine must not count as gone.
        networkDialTimeout: { minTimeout: 2_000, maxTimeout: 10_000 },
        pingNewContactTimeout: { minTimeout: 3_000, maxTimeout: 10_000 },
        pingOldContactTimeout: { minTimeout: 2_000, maxTimeout: 10_000 },
      },
      { now: init.now, random: Math.random },
    ),
  }
  if (init.mdns !== true) return services
  return {
    ...services,
    mdns: neighbours({
      serviceTag: serviceTag(init.swarmName, membership?.membership.swarmId ?? init.swarmKey),
    }),
  }
}

/** The part of libp2p that knows addresses. */
interface AddressComponents {
  readonly transportManager: Pick<TransportManager, 'getAddrs'>
}

function addressSources(
  { transportManager }: AddressComponents,
  mapped: AddressSources['mapped'],
): AddressSources {
  return {
    listening: () => transportManager.getAddrs(),
    mapped,
  }
}

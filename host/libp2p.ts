import type { Libp2p } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { systemClock } from '../timing/index.ts'
import { addressOrder } from './address-order.ts'
import type { Persistence } from './data-dir.ts'
import { CONNECTIONS, type NamedHostInit } from './defaults.ts'
import type { Gater } from './gater.ts'
import type { ConnectionKeeper } from './inbound/index.ts'
import { listenFailure } from './listen-failure.ts'
import { muxer } from './muxer.ts'
import {
  type Handshakes,
  type IpVersions,
  SilentAddresses,
  tcpTransport,
  webSocketTransport,
} from './network/index.ts'
import { noise } from './noise.ts'
import { type SwarmSecrets, swarmProtector } from './protector/index.ts'
import type { OwnAddresses } from './reach/index.ts'
import { relayTransport } from './relay/index.ts'
import type { Relaying } from './relaying.ts'
import { renewAddresses } from './renewed-addresses.ts'
import { createServices, type HostServices } from './services.ts'
import { swarmSecret } from './swarm-key.ts'

/** Parts of the host that the configuration refers to. */
interface InstanceParts {
  readonly own: OwnAddresses
  /** Addresses that a router forwards. */
  readonly mapped: () => readonly Multiaddr[]
  readonly relaying: Relaying
  readonly inbound: ConnectionKeeper
  readonly versions: IpVersions
  readonly handshakes: Handshakes
}

/** The libp2p instance of a host, not yet started. */
export async function createInstance(
  init: NamedHostInit,
  persistence: Persistence,
  gater: Gater,
  listen: readonly string[],
  { own, mapped, relaying, inbound, versions, handshakes }: InstanceParts,
): Promise<Libp2p<HostServices>> {
  const secrets = secretsOf(init)
  const silent = new SilentAddresses(systemClock.now)
  const libp2p = await createLibp2p<HostServices>({
    start: false,
    privateKey: persistence.privateKey,
    datastore: persistence.datastore,
    nodeInfo: {
      name: 'skein',
      userAgent: init.version === undefined ? 'skein' : `skein/${init.version}`,
    },
    addresses: {
      listen: [...listen],
      announceFilter: (chosen) => own.announced([...chosen, ...relaying.addresses]),
    },
    transports: [
      tcpTransport(versions, silent, handshakes),
      webSocketTransport(inbound.sockets),
      relayTransport(relaying.suspicions),
    ],
    connectionEncrypters: [noise()],
    streamMuxers: [muxer()],
    connectionGater: {
      ...gater.connectionGater,
      ...relaying.connectionGater,
      ...inbound.connectionGater,
    },
    connectionManager: {
      ...CONNECTIONS,
      ...inbound.limits,
      addressSorter: addressOrder({
        isNear: gater.isNear,
        isSilent: silent.has,
        isSuspect: (address) =>
          relaying.suspicions.leadsThroughSuspect(address) || versions.isSuspect(address),
      }),
      resolvers: { dnsaddr: gater.dnsaddrResolver, name: gater.nameResolver },
    },
    // Its pings open a stream each. The muxer's keep connections alive, and the network watch finds dead ones.
    connectionMonitor: { enabled: false },
    ...(secrets !== undefined && { connectionProtector: swarmProtector(secrets) }),
    services: createServices(init, own, mapped),
  })
  renewAddresses(libp2p.peerStore, libp2p.peerId, init.now)
  return libp2p
}

/** The keys of a private swarm: those of the membership as they change, else the one that was given. */
function secretsOf({ membership, swarmKey, now }: NamedHostInit): SwarmSecrets | undefined {
  if (membership !== undefined) return () => membership.membership.keys.secrets(now())
  if (swarmKey === undefined) return undefined
  const secret = swarmSecret(swarmKey)
  return () => [secret]
}

/** @throws InferenceError `invalid_request` if an address cannot be listened on. */
export async function startInstance(libp2p: Libp2p, listen: readonly string[]): Promise<void> {
  try {
    await libp2p.start()
  } catch (cause) {
    throw listenFailure(listen, cause)
  }
}

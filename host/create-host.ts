import { setMaxListeners } from 'node:events'
import type { PeerId } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import type { Multiaddr } from '@multiformats/multiaddr'
import { PROTOCOLS } from '../protocol/index.ts'
import { systemClock } from '../timing/index.ts'
import { createAdvertisementBook } from './advertisement-book.ts'
import { keepBook } from './book-keeper.ts'
import { dialBootstrapPeers } from './bootstrap-dialer.ts'
import { boundPeerStore } from './bounded-peer-store.ts'
import { connectTyped } from './connect-typed.ts'
import { connectedServers, hasServer, onPeers } from './connected-servers.ts'
import { openPersistence, type Persistence } from './data-dir.ts'
import { type NamedHostInit, type ResolvedHostInit, resolveHostInit } from './defaults.ts'
import { createDht } from './dht.ts'
import { explainDialFailure } from './dial-failure.ts'
import { dialPolicy } from './dial-policy.ts'
import { noteProtocols } from './early-streams.ts'
import { keepEntryPoints } from './entry-points.ts'
import { exchangeAdvertisements } from './exchange-advertisements.ts'
import { findFreshAddresses } from './fresh-addresses.ts'
import { createGater } from './gater.ts'
import type { Host, HostInit } from './host.ts'
import { identifyAgain } from './identify-again.ts'
import { boundNewStreams, ConnectionKeeper, connectionBounds } from './inbound/index.ts'
import { waitUntilJoined } from './join.ts'
import { keepReachable, type Reachable } from './keep-reachable.ts'
import { dialKnownPeers } from './known-peer-dialer.ts'
import { createInstance, startInstance } from './libp2p.ts'
import { loadListenPorts, saveListenPorts, withKnownPorts } from './listen-ports.ts'
import {
  MemberClients,
  openHostMembership,
  startMembership,
  withMembership,
} from './members/index.ts'
import { createNameLookup } from './name-lookup.ts'
import { createNeighbourDialer } from './neighbour-dialer.ts'
import { Handshakes, IpVersions, watchNetwork } from './network/index.ts'
import { includeSelf, ownConnection } from './own/index.ts'
import { forgetOwnRecords } from './own-records.ts'
import { PeerClocks } from './peer-clocks.ts'
import { announceRules, OwnAddresses } from './reach/index.ts'
import { announceAddresses, Relaying } from './relaying.ts'
import { createSameNetworkServer } from './same-network/index.ts'
import { createStop } from './stop.ts'
import { swarmNameOf } from './swarm-name.ts'
import { parseAddress, parseBootstrapAddress } from './typed-addresses.ts'

/** Joining, and an unanswered dial-back. */
const TESTED_TIMEOUT_MS = 8_000
/** One dial and one exchange with each of two relays. */
const RELAYED_TIMEOUT_MS = 2_000

/**
 * Starts a host. Resolves when it listens; the bootstrap peers are dialled in the background (`Host.joined` waits for
 * them).
 *
 * @throws DataDirLockedError while another process uses `dataDir`
 * @throws InferenceError `invalid_request` for an invalid address or swarm key, or a port in use;
 *   `internal` for an unusable data directory.
 */
export async function createHost(init: HostInit): Promise<Host> {
  const { membership, ...rest } = init
  const resolved = resolveHostInit(rest)
  const persistence = await openPersistence(resolved)
  const stopping = new AbortController()
  try {
    return await assemble(resolved, membership, persistence, stopping)
  } catch (error) {
    stopping.abort(error)
    await persistence.close().catch(() => undefined)
    throw error
  }
}

async function assemble(
  resolved: ResolvedHostInit,
  membershipDir: string | undefined,
  persistence: Persistence,
  stopping: AbortController,
): Promise<Host> {
  const self = peerIdFromPrivateKey(persistence.privateKey).toString()
  const joined = withMembership(resolved, await openHostMembership(membershipDir, resolved))
  const init: NamedHostInit = { ...joined, swarmName: swarmNameOf({ ...joined, self }) }
  const bootstrap = init.bootstrap.map(parseBootstrapAddress)
  const typed = [...bootstrap, ...init.listen.map(parseAddress)]
  const policy = dialPolicy({ typed, privateSwarm: init.swarmKey !== undefined })
  const lookup = createNameLookup(init.now)
  const gater = createGater(policy, lookup, typed)
  const { portsPath } = persistence
  const ports = portsPath === undefined ? {} : await loadListenPorts(portsPath, init.onFault)
  const listen = await withKnownPorts(init.listen, ports)

  const own = new OwnAddresses(announceRules(init.announce, init.noAnnounce, self), self)
  const relaying = new Relaying(init, own)
  const inbound = new ConnectionKeeper(connectionBounds(init.maxOpenFiles), init.now)
  let reachable: Reachable | undefined
  const mapped = (): readonly Multiaddr[] => reachable?.mapper?.addresses ?? []
  const versions = new IpVersions({ now: systemClock.now })
  const handshakes = new Handshakes()
  const wired = { own, mapped, relaying, inbound, versions, handshakes }
  const libp2p = await createInstance(init, persistence, gater, listen, wired)
  const { dht: kad, mdns } = libp2p.services
  await forgetOwnRecords(persistence.datastore, libp2p.peerId)
  const log = libp2p.logger.forComponent('skein:host')
  const onError = (what: string, error: unknown): void => log.error('%s failed - %e', what, error)
  const explain = (error: unknown): string => explainDialFailure(error, init.swarmKey !== undefined)
  const { signal } = stopping
  setMaxListeners(0, signal)
  versions.attach(libp2p)
  inbound.attach(libp2p, signal, (error) => onError('closing connections', error))
  boundNewStreams(libp2p, { signal, now: systemClock.now })

  const clients = new MemberClients()
  const mayAdvertise = (peer: PeerId): boolean => !clients.has(peer)
  const book = createAdvertisementBook({ self: libp2p.peerId, now: init.now, mayAdvertise })
  await boundPeerStore(libp2p.peerStore, {
    isKept: (peer) =>
      peer.equals(libp2p.peerId) ||
      libp2p.getConnections(peer).length > 0 ||
      (book.acquaintance(peer) ?? 'heard') !== 'heard',
  })
  const clocks = new PeerClocks({ now: systemClock.now, wall: init.now })
  const keeper = await keepBook({
    book,
    peerStore: libp2p.peerStore,
    path: persistence.advertisementsPath,
    writable: persistence.writable,
    now: init.now,
    onError,
    onFault: init.onFault,
  })
  const membership = await startMembership(init.membership, {
    ...{ libp2p, clocks, signal, onError },
    ...{ wall: init.now, onFault: init.onFault },
    onMember: (peer, certificate) => {
      if (clients.note(peer, certificate)) book.drop(peer)
    },
  })
  libp2p.addEventListener('peer:identify', ({ detail: { connection, protocols } }) =>
    noteProtocols(connection, protocols),
  )
  identifyAgain({
    ...{ libp2p, signal, onError, clock: systemClock, random: Math.random },
    identify: (connection, options) => libp2p.services.identify.identify(connection, options),
  })
  const advertisements = await exchangeAdvertisements({
    ...{ libp2p, init, book, clocks, signal },
    random: Math.random,
    onError: (peer, error) => log('no advertisement from %p - %e', peer, error),
  })
  if (init.dht === 'server') {
    await libp2p.handle(PROTOCOLS.sameNetwork, createSameNetworkServer(libp2p, init.now), {
      maxInboundStreams: 4,
    })
  }
  const dht = createDht({
    dht: kad,
    self: libp2p.peerId,
    peerStore: libp2p.peerStore,
    servers: () => connectedServers(libp2p),
    onPeers: (listener, options) => onPeers(libp2p, listener, options),
    signal,
    random: Math.random,
    onError,
  })
  const dialNeighbour = createNeighbourDialer({ libp2p, now: init.now, signal, onError })
  mdns?.onNeighbour((neighbour) => {
    for (const address of neighbour.vouched) gater.trust(address)
    void dialNeighbour(neighbour)
  })

  await startInstance(libp2p, listen)
  // libp2p does so a second later; until then this host would omit itself from answers about its own keys.
  await libp2p.peerStore.merge(libp2p.peerId, { multiaddrs: libp2p.getMultiaddrs() })
  if (portsPath !== undefined) {
    await saveListenPorts(portsPath, init.listen, libp2p.getMultiaddrs()).catch(
      (error: unknown) => {
        onError('remembering the ports', error)
      },
    )
  }

  const random = Math.random
  await relaying.start({ libp2p, random, signal, onError })
  const entryPoints = await keepEntryPoints({
    ...{ libp2p, signal, onError },
    onFault: init.onFault,
    path: persistence.entryPointsPath,
    writable: persistence.writable,
    clock: systemClock,
  })
  const networkChanged = new EventTarget()
  const candidates = async (): Promise<readonly PeerId[]> => {
    const [first, others] = await Promise.all([entryPoints.candidates(), keeper.candidates()])
    return [...first, ...others.filter((peer) => !first.some((known) => known.equals(peer)))]
  }
  const bootstrapPeers = dialBootstrapPeers({
    libp2p,
    networkChanged,
    addresses: bootstrap,
    names: gater.dnsaddrResolver,
    signal,
    random,
    explain,
  })
  watchNetwork({
    ...{ libp2p, signal, log, clock: systemClock },
    onChange: () => {
      networkChanged.dispatchEvent(new Event('change'))
      relaying.check()
      dht.provideAgain()
      // libp2p forgets addresses after an hour, which this machine may have slept.
      keeper.candidates().catch((error: unknown) => onError('remembering peers', error))
      announceAddresses(libp2p).catch((error: unknown) => onError('announcing addresses', error))
    },
  })
  reachable = await keepReachable({
    ...{ init, libp2p, own, relaying, gater, lookup, bootstrapPeers, random, signal, onError },
    privateKey: persistence.privateKey,
  })
  const { reach, mapper } = reachable
  let triedKnown = false
  const known = { libp2p, candidates, hasServer: () => hasServer(libp2p), signal, random }
  void dialKnownPeers(known).then(() => {
    triedKnown = true
  })
  const mayFindPeers = (): boolean =>
    init.mdns ||
    bootstrapPeers().length > 0 ||
    (!triedKnown && (book.all().length > 0 || entryPoints.all().length > 0))
  const stop = createStop({
    libp2p,
    keepers: [keeper, entryPoints, mapper, membership].filter((each) => each !== undefined),
    persistence,
    stopping,
    onError,
  })

  const host: Host = {
    libp2p,
    peerId: libp2p.peerId,
    privateKey: persistence.privateKey,
    book,
    addresses: () => libp2p.getMultiaddrs(),
    relaying: () => relaying.state,
    relayed: async (options = {}) => {
      await relaying.settled(options.timeoutMs ?? RELAYED_TIMEOUT_MS, options.signal)
      options.signal?.throwIfAborted()
    },
    avoid: (connection) => relaying.avoid(connection),
    bootstrapPeers,
    entryPoints: () => entryPoints.all().map(({ address }) => address),
    swarmName: init.swarmName,
    isPrivate: init.swarmKey !== undefined || membership !== undefined,
    ...(membership !== undefined && { membership: membership.view }),
    clock: () => clocks.report(),
    reachability: () => reach.report(),
    tested: (options = {}) => {
      const hasTesters = bootstrap.length > 0 || entryPoints.all().length > 0
      const timeoutMs = hasTesters ? (options.timeoutMs ?? TESTED_TIMEOUT_MS) : 0
      return reach.tested(timeoutMs, options)
    },
    onReachability: reach.onChange,
    portMapping: reachable.portMapping,
    directPaths: reachable.directPaths,
    natKind: (options = {}) => reach.natKind(options),
    joined: (options) =>
      waitUntilJoined(
        { libp2p, table: dht.table, bootstrapPeers, mayFindPeers, handshakes, signal },
        options,
      ),
    connect: (address, options) =>
      connectTyped({ libp2p, gater, signal, explain }, address, options),
    provide: dht.provide,
    stopProviding: dht.stopProviding,
    findProviders: dht.findProviders,
    findFreshAddresses: (peer, options) =>
      findFreshAddresses({ libp2p, dht: kad, signal }, peer, options),
    offerAdvertisement: advertisements.offer,
    fetchAdvertisement: advertisements.fetch,
    includingSelf: () =>
      includeSelf({
        host,
        connection: ownConnection({
          peerId: libp2p.peerId,
          logger: libp2p.logger,
          handlerOf: (protocol) => libp2p.services.handlers.of(protocol),
        }),
        advertisement: advertisements.own,
      }),
    [Symbol.asyncDispose]: stop,
  }
  return host
}

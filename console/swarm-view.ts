import { peerIdFromString } from '@libp2p/peer-id'
import type { Client, PeerListing } from '../client/index.ts'
import { type Host, isReachedByRelay, relayOf, subnetsOf } from '../host/index.ts'
import { type Advertisement, defined, InferenceError } from '../protocol/index.ts'
import type { ModelView, PeerView, StandingView } from './state.ts'
import { bestResume, type Offer, spareOf } from './survival.ts'

type ViewHost = Pick<Host, 'book' | 'libp2p' | 'peerId'>
type ViewClient = Pick<Client, 'host' | 'names' | 'peers' | 'reputation' | 'swarms'>

/** The swarm as the console shows it. */
export interface SwarmView {
  /** This machine first, then peers that serve, then those that only introduce. */
  readonly peers: readonly PeerView[]
  readonly models: readonly ModelView[]
}

/**
 * Asks every known peer for its load. Peers that do not answer are listed with the reason.
 *
 * @throws the signal's reason, and what `client.peers` throws besides `no_peers`
 */
export async function readSwarm(
  client: ViewClient,
  options: { readonly signal: AbortSignal },
): Promise<SwarmView> {
  const listed = await client.peers(options).catch((error: unknown) => {
    // Without any peer there is an error to explain, and nothing to list.
    if (InferenceError.is(error, 'no_peers')) return []
    throw error
  })
  const serving = listed.filter(({ expired }) => !expired)
  if (client.swarms.length === 0) return viewOf(client, serving)
  const views = client.swarms.map(({ name, host }) => {
    const own = serving.filter(({ swarm }) => swarm === name)
    const { peers, models } = viewOf({ ...client, host }, own)
    return {
      peers: peers.map((peer) => ({ ...peer, swarm: name })),
      models: models.map((model) => ({ ...model, id: `${name}/${model.id}` })),
    }
  })
  return {
    peers: views.flatMap(({ peers }) => peers),
    models: views.flatMap(({ models }) => models),
  }
}

/** The view of one swarm. */
function viewOf(client: ViewClient, serving: readonly PeerListing[]): SwarmView {
  const { host } = client
  const self = host.peerId.toString()
  const views = serving.map((listing) => servingPeer(client, listing))
  const others = introducers(host, new Set([...views.map(({ peerId }) => peerId), self]))
  const own = views.find(({ isSelf }) => isSelf) ?? introducer(self, true)
  return {
    peers: [own, ...views.filter(({ isSelf }) => !isSelf).sort(byModels), ...others],
    models: modelsOf(client, serving),
  }
}

function byModels(a: PeerView, b: PeerView): number {
  return b.models.length - a.models.length || (a.peerId < b.peerId ? -1 : 1)
}

function servingPeer(client: ViewClient, listing: PeerListing): PeerView {
  const { peerId, models, operator, slots, state, load, rttMs, error, connectedAt } = listing
  const { host } = client
  const known = host.book.get(peerIdFromString(peerId))
  return {
    ...{ peerId, models, operator, slots, ...pathTo(host, peerId, listing) },
    network: networkOf(known),
    standing: standingOf(client, peerId),
    ...defined({ address: connectedAt, state, load, rttMs }),
    ...(error !== undefined && { error: error.message }),
  }
}

function pathTo(
  host: ViewHost,
  peerId: string,
  { reachability, connectedAt }: Partial<Pick<PeerListing, 'connectedAt' | 'reachability'>>,
): Pick<PeerView, 'connected' | 'isSelf' | 'path' | 'relay'> {
  if (peerId === host.peerId.toString()) return { isSelf: true, connected: true, path: 'self' }
  const connections = host.libp2p
    .getConnections(peerIdFromString(peerId))
    .filter(({ status }) => status === 'open')
  const direct = connections.find(({ remoteAddr }) => relayOf(remoteAddr) === undefined)
  const relay = connections[0] === undefined ? undefined : relayOf(connections[0].remoteAddr)
  const connected = connections.length > 0
  if (direct !== undefined) return { isSelf: false, connected, path: 'direct' }
  if (relay !== undefined) return { isSelf: false, connected, path: 'relayed', relay }
  const path = reachability === 'relayed' ? 'relayed' : connectedAt ? 'direct' : 'unknown'
  return { isSelf: false, connected, path }
}

function introducers(host: ViewHost, known: ReadonlySet<string>): PeerView[] {
  return host.libp2p
    .getPeers()
    .map(String)
    .filter((peerId) => !known.has(peerId))
    .map((peerId) => {
      const [connection] = host.libp2p.getConnections(peerIdFromString(peerId))
      const rttMs = connection?.rtt
      return {
        ...introducer(peerId, false),
        ...pathTo(host, peerId, {}),
        ...(connection !== undefined && { address: connection.remoteAddr.toString() }),
        ...(rttMs !== undefined && { rttMs }),
      }
    })
}

function introducer(peerId: string, isSelf: boolean): PeerView {
  return {
    ...{ peerId, isSelf, models: [], operator: '', slots: 0, connected: true },
    path: isSelf ? 'self' : 'unknown',
    network: LOCAL,
    standing: { state: 'newcomer', audits: 0, words: [] },
  }
}

const LOCAL = 'local network'

/** The networks of a peer's public addresses; peers of one LAN, or behind relays, count as one. */
function networkOf(advertisement: Advertisement | undefined): string {
  const networks = [...subnetsOf(advertisement?.addresses ?? [])].sort((a, b) => (a < b ? -1 : 1))
  if (networks.length > 0) return networks.join(', ')
  return advertisement !== undefined && isReachedByRelay(advertisement.addresses)
    ? 'behind a relay'
    : LOCAL
}

const WORST = ['quarantined', 'suspect', 'proven', 'newcomer'] as const

function standingOf(client: Pick<Client, 'reputation'>, peerId: string): StandingView {
  const reports = client.reputation(peerId)
  const state = WORST.find((one) => reports.some((report) => report.state === one)) ?? 'newcomer'
  return {
    state,
    audits: reports.reduce((sum, { audits }) => sum + audits, 0),
    words: reports.map(({ spec, words }) => `${spec.slice(0, 12)}: ${words}`),
  }
}

function modelsOf(client: ViewClient, listings: readonly PeerListing[]): ModelView[] {
  const { host, names } = client
  const living = listings.filter(({ error }) => error === undefined)
  const offers = living.flatMap(({ peerId }) => {
    const known = host.book.get(peerIdFromString(peerId))
    return (known?.models ?? []).map((model) => ({ model, offer: offerOf(known, peerId, model) }))
  })
  return [...Map.groupBy(offers, ({ model }) => model.id)]
    .map(([id, same]) => ({
      id,
      aliases: [...new Set(same.flatMap(({ model }) => model.aliases))].filter((one) => one !== id),
      contextLength: same.reduce((most, { model }) => Math.max(most, model.contextLength), 0),
      weights: new Set(same.map(({ model }) => model.digest ?? '')).size,
      resume: bestResume(same.map(({ offer }) => offer)),
      peers: same.map(({ offer }) => offer.peerId),
      spare: spareOf(same.map(({ offer }) => offer)),
      fallbacks: names.providers
        .filter(({ models }) => models.includes(id))
        .map(({ name }) => `${name}/${id}`),
    }))
    .sort((a, b) => a.spare.peers - b.spare.peers || (a.id < b.id ? -1 : 1))
}

function offerOf(
  known: Advertisement | undefined,
  peerId: string,
  { resume }: Pick<Advertisement['models'][number], 'resume'>,
): Offer {
  const addresses = known?.addresses ?? []
  const relays = isReachedByRelay(addresses)
    ? addresses.flatMap((address) => relayOf(address) ?? [])
    : []
  return { peerId, network: networkOf(known), relays, resume }
}

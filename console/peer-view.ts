import { peerIdFromString } from '@libp2p/peer-id'
import type { Client, PeerListing } from '../client/index.ts'
import { type Host, isReachedByRelay, relayOf, subnetsOf } from '../host/index.ts'
import { type Advertisement, defined, plainLine } from '../protocol/index.ts'
import type { PeerView, StandingView } from './state.ts'

/** The part of a host that the console shows. */
export type ViewHost = Pick<Host, 'book' | 'libp2p' | 'peerId'>
/** What the client knows about peers. */
export interface PeerKnowledge extends Pick<Client, 'reputation'> {
  readonly host: ViewHost
  readonly marks: ReadonlyMap<string, NonNullable<PeerView['mark']>>
  readonly receipts: ReturnType<Client['receipts']>
}

export function knowledgeOf(
  client: Pick<Client, 'marks' | 'receipts' | 'reputation'> & { readonly host: ViewHost },
): PeerKnowledge {
  return {
    host: client.host,
    reputation: (peer) => client.reputation(peer),
    marks: new Map(client.marks().map(({ peer, mark }) => [peer, mark])),
    receipts: client.receipts(),
  }
}

const LOCAL = 'local network'
const MAX_VERSION_LENGTH = 64

/** A peer that serves models. */
export function servingPeer(client: PeerKnowledge, listing: PeerListing): PeerView {
  const { peerId, models, operator, slots, state, load, rttMs, error, connectedAt } = listing
  const { host } = client
  const known = host.book.get(peerIdFromString(peerId))
  return {
    ...{ peerId, models, operator, slots, ...pathTo(host, peerId, listing) },
    ...{ network: networkOf(known), reachability: listing.reachability },
    addresses: known?.addresses.map(String) ?? [],
    ...trustIn(client, peerId),
    ...defined({ address: connectedAt, state, load, rttMs }),
    ...(error !== undefined && { error: error.message }),
  }
}

/** A peer that serves nothing, and may introduce or relay. */
export function otherPeer(client: PeerKnowledge, peerId: string): PeerView {
  const { host } = client
  const [connection] = host.libp2p.getConnections(peerIdFromString(peerId))
  return {
    ...{ peerId, models: [], operator: '', slots: 0, ...pathTo(host, peerId, {}) },
    ...{ network: LOCAL, addresses: [] },
    ...trustIn(client, peerId),
    ...defined({ address: connection?.remoteAddr.toString(), rttMs: connection?.rtt }),
  }
}

/** The view with the peer's version, as it tells it at connecting. */
export async function withVersion(host: ViewHost, peer: PeerView): Promise<PeerView> {
  const known = await host.libp2p.peerStore
    .get(peerIdFromString(peer.peerId))
    .catch(() => undefined)
  const agent = known?.metadata.get('AgentVersion')
  const version =
    agent === undefined
      ? ''
      : plainLine(new TextDecoder().decode(agent.slice(0, MAX_VERSION_LENGTH)))
  return version === '' ? peer : { ...peer, version }
}

function trustIn(
  { marks, receipts, reputation }: PeerKnowledge,
  peerId: string,
): Pick<PeerView, 'mark' | 'receipts' | 'standing'> {
  return {
    standing: standingOf({ reputation }, peerId),
    ...defined({ mark: marks.get(peerId), receipts: receipts.get(peerId) }),
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

/** The networks of a peer's public addresses; peers of one LAN, or behind relays, count as one. */
export function networkOf(advertisement: Advertisement | undefined): string {
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
    evidence: reports.map(({ spec, words, strikes, quality, auditRate }) => ({
      ...{ weights: spec.slice(0, 14), words, strikes, quality, auditRate },
    })),
  }
}

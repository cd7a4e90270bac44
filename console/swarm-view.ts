import { peerIdFromString } from '@libp2p/peer-id'
import type { Client, PeerListing } from '../client/index.ts'
import { isReachedByRelay, relayOf } from '../host/index.ts'
import { type Advertisement, InferenceError } from '../protocol/index.ts'
import {
  knowledgeOf,
  networkOf,
  otherPeer,
  servingPeer,
  type ViewHost,
  withVersion,
} from './peer-view.ts'
import type { ModelView, PeerView } from './state.ts'
import { bestResume, type Offer, spareOf } from './survival.ts'

type ViewClient = Pick<Client, 'marks' | 'names' | 'peers' | 'receipts' | 'reputation'> & {
  readonly host: ViewHost
}

/** The swarm as the console shows it. */
export interface SwarmView {
  /** This machine first, then peers that serve, then others that are connected or marked. */
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
  const { host } = client
  const self = host.peerId.toString()
  const knowledge = knowledgeOf(client)
  const views = serving.map((listing) => servingPeer(knowledge, listing))
  const own = views.find(({ isSelf }) => isSelf) ?? otherPeer(knowledge, self)
  const shown = [own, ...views.filter(({ isSelf }) => !isSelf).sort(byModels)]
  const known = new Set(shown.map(({ peerId }) => peerId))
  const others = new Set([...host.libp2p.getPeers().map(String), ...knowledge.marks.keys()])
  const rest = [...others].filter((id) => !known.has(id)).map((id) => otherPeer(knowledge, id))
  return {
    peers: await Promise.all([...shown, ...rest].map((peer) => withVersion(host, peer))),
    models: modelsOf(client, serving, new Map(views.map((view) => [view.peerId, view]))),
  }
}

function byModels(a: PeerView, b: PeerView): number {
  return b.models.length - a.models.length || (a.peerId < b.peerId ? -1 : 1)
}

/** Whether requests reach the peer: it answers, stays, and is not excluded by the owner or by audits. */
function counts({ error, state, mark, standing }: PeerView): boolean {
  const isExcluded = mark === 'denied' || standing.state === 'quarantined'
  return error === undefined && state !== 'draining' && !isExcluded
}

function modelsOf(
  client: ViewClient,
  listings: readonly PeerListing[],
  views: ReadonlyMap<string, PeerView>,
): ModelView[] {
  const { host, names } = client
  const offers = listings.flatMap(({ peerId }) => {
    const view = views.get(peerId)
    if (view === undefined || !counts(view)) return []
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

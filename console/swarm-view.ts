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

type SwarmsClient = ViewClient & {
  readonly swarms: readonly (Omit<ViewClient, 'names' | 'peers'> & { readonly name: string })[]
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
  client: SwarmsClient,
  options: { readonly signal: AbortSignal },
): Promise<SwarmView> {
  const listed = await client.peers(options).catch((error: unknown) => {
    // Without any peer there is an error to explain, and nothing to list.
    if (InferenceError.is(error, 'no_peers')) return []
    throw error
  })
  const serving = listed.filter(({ expired }) => !expired)
  if (client.swarms.length === 0) return await viewOf(client, serving)
  const views = await Promise.all(
    client.swarms.map(async ({ name, ...own }) => {
      const listings = serving.filter(({ swarm }) => swarm === name)
      const { peers, models } = await viewOf({ ...client, ...own }, listings)
      return {
        peers: peers.map((peer) => ({ ...peer, swarm: name })),
        models: models.map((model) => ({ ...model, id: `${name}/${model.id}` })),
      }
    }),
  )
  return {
    peers: views.flatMap(({ peers }) => peers),
    models: views.flatMap(({ models }) => models),
  }
}

/** The view of one swarm. */
async function viewOf(client: ViewClient, serving: readonly PeerListing[]): Promise<SwarmView> {
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

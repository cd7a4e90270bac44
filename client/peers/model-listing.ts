import type { Advertisement, Capability, ModelAdvertisement } from '../../protocol/index.ts'

/** A model that some peer serves. */
export interface ModelListing {
  /** If the client is in several swarms: `swarm/id`. */
  readonly id: string
  readonly aliases: readonly string[]
  /** More than one: peers serve different weights under this id. Pin one with `id@sha256:…`. */
  readonly digests: readonly string[]
  /** What at least one peer offers with the model. */
  readonly capabilities: readonly Capability[]
  /** The longest context that a peer offers, in tokens. 0 if none is advertised. */
  readonly contextLength: number
  /**
   * Ids of the peers that serve it and that were met. Empty for a model of peers known by hearsay only, which may not
   * exist.
   */
  readonly peers: readonly string[]
}

/** Bounds on a list of models: strangers can advertise any number. */
export const LISTING_LIMITS = {
  /** Models of peers that were met; those met first come first. */
  models: 4_096,
  /** Models known by hearsay only. */
  hearsay: 256,
  /** Different aliases or digests of one model. */
  names: 64,
} as const

interface Draft {
  readonly aliases: Set<string>
  readonly digests: Set<string>
  readonly capabilities: Set<Capability>
  contextLength: number
  readonly peers: Set<string>
}

/**
 * Models by id, with the peers that serve them, sorted by name. Peers known by hearsay are not counted, and add only a
 * bounded number of models.
 *
 * @param isHearsay whether the peer is known only from others. @default none is
 */
export function listModels(
  advertisements: readonly Advertisement[],
  isHearsay: (advertisement: Advertisement) => boolean = () => false,
): ModelListing[] {
  const hearsay = new Set(advertisements.filter(isHearsay))
  const drafts = new Map<string, Draft>()
  for (const advertisement of advertisements) {
    if (!hearsay.has(advertisement)) addModels(drafts, advertisement, LISTING_LIMITS.models)
  }
  const met = new Set(drafts.keys())
  const most = drafts.size + LISTING_LIMITS.hearsay
  for (const { models } of hearsay) {
    addModels(drafts, { models: models.filter(({ id }) => !met.has(id)) }, most)
  }
  return [...drafts]
    .map(([id, { contextLength, ...sets }]) => ({
      id,
      aliases: [...sets.aliases],
      digests: [...sets.digests],
      capabilities: [...sets.capabilities],
      contextLength,
      peers: [...sets.peers],
    }))
    .sort((a, b) => (a.id < b.id ? -1 : 1))
}

/** @param peerId absent: the peer is not counted */
function addModels(
  drafts: Map<string, Draft>,
  { models, peerId }: Pick<Advertisement, 'models'> & Partial<Pick<Advertisement, 'peerId'>>,
  most: number,
): void {
  const peer = peerId?.toString()
  for (const model of models) {
    const known = drafts.get(model.id)
    if (known === undefined && drafts.size >= most) continue
    const draft = known ?? newDraft()
    if (known === undefined) drafts.set(model.id, draft)
    if (peer !== undefined) draft.peers.add(peer)
    merge(draft, model)
  }
}

function merge(draft: Draft, { aliases, digest, capabilities, contextLength }: ModelAdvertisement) {
  for (const alias of aliases) addUpTo(draft.aliases, alias, LISTING_LIMITS.names)
  if (digest !== undefined) addUpTo(draft.digests, digest, LISTING_LIMITS.names)
  for (const capability of capabilities) draft.capabilities.add(capability)
  draft.contextLength = Math.max(draft.contextLength, contextLength)
}

function addUpTo<T>(set: Set<T>, value: T, most: number): void {
  if (set.size < most) set.add(value)
}

function newDraft(): Draft {
  return {
    aliases: new Set(),
    digests: new Set(),
    capabilities: new Set(),
    contextLength: 0,
    peers: new Set(),
  }
}

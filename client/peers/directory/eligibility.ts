import type { PeerId } from '@libp2p/interface'
import type { Acquaintance } from '../../../host/index.ts'
import {
  type Advertisement,
  isDigest,
  isExpired,
  type ModelAdvertisement,
  matchesDigest,
  PROTOCOLS,
} from '../../../protocol/index.ts'
import type { Candidate, Query } from '../../request/index.ts'

export type Eligibility =
  | { readonly status: 'eligible'; readonly model: ModelAdvertisement }
  /** Withdrawn, or the peer serves other models. */
  | { readonly status: 'other_model' }
  | { readonly status: 'other_digest'; readonly model: ModelAdvertisement }
  /** A capability or field that the engine lacks. */
  | { readonly status: 'lacks'; readonly missing: string }
  | { readonly status: 'too_long'; readonly contextLength: number }

/** Decides by the advertisement and ignores load, which is minutes old in it. The caller checks expiry. */
export function eligibilityOf(advertisement: Advertisement, query: Query): Eligibility {
  const { reference, needs, promptTokens } = query
  const { protocols } = advertisement
  const named = advertisement.models.filter(
    ({ id, aliases }) => id === reference.id || aliases.includes(reference.id),
  )
  const [first] = named
  if (first === undefined) return { status: 'other_model' }
  if (protocols.length > 0 && !protocols.includes(PROTOCOLS.inference)) {
    return { status: 'other_model' }
  }
  const model =
    reference.digest === undefined
      ? first
      : named.find(({ digest }) => matchesDigest(digest, reference.digest ?? ''))
  if (model === undefined) return { status: 'other_digest', model: first }
  const missing =
    needs.capabilities.find((capability) => !model.capabilities.includes(capability)) ??
    needs.fields.find((field) => !model.fields.includes(field))
  if (missing !== undefined) return { status: 'lacks', missing }
  const { contextLength } = model
  if (promptTokens !== undefined && contextLength > 0 && promptTokens > contextLength) {
    return { status: 'too_long', contextLength }
  }
  return { status: 'eligible', model }
}

/**
 * Digests that the query's digest prefix matches. With more than one match the prefix is too short to pin weights, and
 * no peer may be asked by it.
 */
export function matchingDigests(
  advertisements: readonly Advertisement[],
  { reference: { id, digest: pinned } }: Query,
): string[] {
  if (pinned === undefined || isDigest(pinned)) return pinned === undefined ? [] : [pinned]
  const digests = advertisements
    .flatMap(({ models }) => models.filter((model) => [model.id, ...model.aliases].includes(id)))
    .flatMap(({ digest }) => (matchesDigest(digest, pinned) ? (digest ?? []) : []))
  return [...new Set(digests)]
}

/**
 * Peers that may be asked now. Those with an expired advertisement are left out: it is only a hint where to fetch a new
 * one.
 *
 * @param acquaintanceOf how a peer is known. @default all were met
 */
export function candidatesOf(
  advertisements: readonly Advertisement[],
  query: Query,
  nowMs: number,
  acquaintanceOf: (peerId: PeerId) => Acquaintance = () => 'met',
): Candidate[] {
  if (matchingDigests(advertisements, query).length > 1) return []
  const candidates: Candidate[] = []
  for (const advertisement of advertisements) {
    if (isExpired(advertisement, nowMs)) continue
    const verdict = eligibilityOf(advertisement, query)
    if (verdict.status !== 'eligible') continue
    const { peerId } = advertisement
    candidates.push({
      peerId,
      key: peerId.toString(),
      advertisement,
      model: verdict.model,
      acquaintance: acquaintanceOf(peerId),
    })
  }
  return candidates
}

import type { Advertisement, Requirements } from '../../protocol/index.ts'
import { candidatesOf, type Directory } from '../peers/index.ts'
import type { Candidate } from '../request/index.ts'

/** Max models that `auto` tries. */
const MAX_AUTO_MODELS = 4

export interface AutoQuery {
  readonly needs: Requirements
  /** Exact length of a prompt given as token ids. */
  readonly promptTokens?: number | undefined
  /** How a peer is known. @default all peers have been met */
  readonly acquaintanceOf?: Directory['acquaintanceOf']
  /** Whether the peer is expected to answer now. */
  readonly isReady: (candidate: Candidate) => boolean
}

/**
 * Ids of the network's models that can serve the request: those with the most ready peers first, because failover needs
 * another peer; then by number of peers that the client has met, of all peers, by size, and by name. Pure.
 */
export function autoModels(
  advertisements: readonly Advertisement[],
  { needs, promptTokens, acquaintanceOf, isReady }: AutoQuery,
  nowMs: number,
): readonly string[] {
  const ids = new Set(advertisements.flatMap(({ models }) => models.map(({ id }) => id)))
  const ranked = [...ids].map((id) => {
    const query = { reference: { id }, needs, promptTokens }
    const candidates = candidatesOf(advertisements, query, nowMs, acquaintanceOf)
    const ready = candidates.filter(isReady).length
    const parameters = candidates.reduce((most, { model }) => Math.max(most, model.parameters), 0)
    const met = candidates.filter(({ acquaintance }) => acquaintance !== 'heard').length
    return { id, ready, met, peers: candidates.length, parameters }
  })
  return ranked
    .filter(({ peers }) => peers > 0)
    .sort(
      (a, b) =>
        b.ready - a.ready ||
        b.met - a.met ||
        b.peers - a.peers ||
        b.parameters - a.parameters ||
        (a.id < b.id ? -1 : 1),
    )
    .slice(0, MAX_AUTO_MODELS)
    .map(({ id }) => id)
}

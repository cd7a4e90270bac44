import type { SamplingFields } from '../../../protocol/index.ts'
import { coarse } from './coarse.ts'
import type { ScoredPosition } from './scored-position.ts'
/** How a request wants its tokens drawn. What it leaves open is the engine's to choose. */
export type Drawing = Pick<SamplingFields, 'min_p' | 'temperature' | 'top_k' | 'top_p'>

/** Keeps only the likeliest tokens. */
export interface Filters {
  /** 0: all. */
  readonly topK: number
  readonly topP: number
  readonly minP: number
}

/** llama.cpp's own, which most nodes have; the owner of a llama-server may have set others. */
const USUAL: Filters = { topK: 40, topP: 0.95, minP: 0.05 }
const NONE: Filters = { topK: 0, topP: 1, minP: 0 }

/** As far as the request says. */
export function askedFilters({ top_k, top_p, min_p }: Drawing): Filters {
  return {
    topK: top_k ?? NONE.topK,
    topP: top_p ?? NONE.topP,
    minP: min_p ?? NONE.minP,
  }
}

/** As most engines have them where the request says nothing. */
export function usualFilters({ top_k, top_p, min_p }: Drawing): Filters {
  return { topK: top_k ?? USUAL.topK, topP: top_p ?? USUAL.topP, minP: min_p ?? USUAL.minP }
}

/**
 * How many of the tokens told pass. llama.cpp filters what the model says, vLLM what the temperature has made of it:
 * `heat` is 1 for the former, and the temperature for the latter.
 *
 * @returns Infinity where more may pass than are told
 */
export function passing(
  position: ScoredPosition,
  { topK, topP, minP }: Filters,
  heat: number,
): number {
  const { top } = position
  const first = top[0]?.logprob ?? 0
  const byLikelihood = top.findIndex(({ logprob }) => logprob < first + heat * Math.log(minP))
  const byRank = topK > 0 && topK <= top.length ? topK : -1
  const byMass = topP < 1 ? nucleus(position, topP, heat) : -1
  const limits = [byLikelihood, byRank, byMass].filter((limit) => limit >= 0)
  return Math.min(Number.POSITIVE_INFINITY, ...limits)
}

/** Tokens that have `topP` together, or -1 where those told have less. */
function nucleus(position: ScoredPosition, topP: number, heat: number): number {
  const { outcomes } = coarse(position, heat)
  let sum = 0
  for (const [at, { probability }] of outcomes.entries()) {
    sum += probability
    if (sum >= topP && at < position.top.length) return at + 1
  }
  return -1
}

import type { SamplingFields } from '../../../protocol/index.ts'
import { coarse } from './coarse.ts'
import type { ScoredPosition } from './scored-position.ts'

/** Sampling options of a request. The engine chooses those that are absent. */
export type SamplingOptions = Pick<SamplingFields, 'min_p' | 'temperature' | 'top_k' | 'top_p'>

/** Filters that keep only the most likely tokens. */
export interface Filters {
  /** 0: all. */
  readonly topK: number
  readonly topP: number
  readonly minP: number
}

/** llama.cpp's defaults, which most nodes use; the operator of a llama-server may have set others. */
const USUAL: Filters = { topK: 40, topP: 0.95, minP: 0.05 }
const NONE: Filters = { topK: 0, topP: 1, minP: 0 }

/** The filters that the request itself sets. */
export function requestedFilters({ top_k, top_p, min_p }: SamplingOptions): Filters {
  return {
    topK: top_k ?? NONE.topK,
    topP: top_p ?? NONE.topP,
    minP: min_p ?? NONE.minP,
  }
}

/** The filters of the request, with the defaults of most engines. */
export function usualFilters({ top_k, top_p, min_p }: SamplingOptions): Filters {
  return { topK: top_k ?? USUAL.topK, topP: top_p ?? USUAL.topP, minP: min_p ?? USUAL.minP }
}

/**
 * Number of reported tokens that pass the filters. llama.cpp filters before it applies the temperature, vLLM afterwards:
 * `heat` is 1 for the former, and the temperature for the latter.
 *
 * @returns Infinity if more tokens may pass than are reported
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

/** Number of tokens that have a mass of `topP` together; -1 if the reported ones have less. */
function nucleus(position: ScoredPosition, topP: number, heat: number): number {
  const { outcomes } = coarse(position, heat)
  let sum = 0
  for (const [at, { probability }] of outcomes.entries()) {
    sum += probability
    if (sum >= topP && at < position.top.length) return at + 1
  }
  return -1
}

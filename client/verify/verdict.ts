import { marginOf, type ScoredPosition } from './scored-position.ts'
import { evidenceOf } from './sprt.ts'
import { surprise } from './surprisal.ts'

/** A token that is this much less likely than the first one was not chosen by that model at temperature 0. In nats. */
const HARD_MARGIN = 2
/** Larger margins say no more than this. In nats. */
const CLIP = 5
/** So many impossible tokens are no rounding. */
const HARD_MISSES = 3
/** Of one answer: less say nothing. */
export const MIN_POSITIONS = 8
/** Standard deviations that a sampled answer may be more surprising than its model expects: once in a billion audits by chance. */
const MAX_SURPRISE = 6

/** What an audit found. */
export interface Verdict {
  /** `suspect`: more misses than are usual, which by itself proves nothing. */
  readonly outcome: 'passed' | 'suspect' | 'failed' | 'inconclusive'
  readonly positions: number
  /** Tokens that are not the first choice. */
  readonly misses: number
  /** Tokens that the model would not have chosen. */
  readonly hardMisses: number
  /** In nats, each at most 5. */
  readonly meanMargin: number
  /** Of the sequential test over this peer's audits. */
  readonly logRatio: number
  /** Of a sampled answer: standard deviations above what was to be expected. */
  readonly surprise?: number
}

/**
 * Rates an answer by what another engine with the same weights says of each token.
 *
 * @param temperature at which it was written; above 0 a token that is not the first choice is honest, so that its
 *   surprisal is held against its expectation instead
 */
export function judge(scored: readonly ScoredPosition[], temperature: number): Verdict {
  const positions = scored.length
  const margins = scored.map(marginOf)
  const meanMargin = positions === 0 ? 0 : sum(margins.map((m) => Math.min(m, CLIP))) / positions
  const misses = margins.filter((margin) => margin > 0).length
  const hardMisses = margins.filter((margin) => margin > HARD_MARGIN).length
  const facts = { positions, misses, hardMisses, meanMargin }
  if (positions < MIN_POSITIONS) return { ...facts, outcome: 'inconclusive', logRatio: 0 }
  if (temperature > 0) {
    const found = surprise(scored, temperature)
    const outcome = found > MAX_SURPRISE ? 'failed' : 'passed'
    return { ...facts, outcome, logRatio: 0, surprise: found }
  }
  const logRatio = evidenceOf(positions, misses)
  if (hardMisses >= HARD_MISSES) return { ...facts, outcome: 'failed', logRatio }
  return { ...facts, outcome: hardMisses > 0 || logRatio > 0 ? 'suspect' : 'passed', logRatio }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}

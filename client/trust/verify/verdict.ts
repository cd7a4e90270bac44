import { MIN_POSITIONS, type Verdict } from '../../request/index.ts'
import type { Drawing } from './filters.ts'
import { filteredOut, unusual } from './impossible.ts'
import { marginOf, type ScoredPosition } from './scored-position.ts'
import { evidenceOf } from './sprt.ts'
import { tooPlain, tooSurprising } from './surprisal.ts'

/** A token that is this much less likely than the first one was not chosen by that model at temperature 0. In nats. */
export const HARD_MARGIN = 2
/** Larger margins say no more than this. In nats. */
const CLIP = 5
/** So many impossible tokens are no rounding. */
const HARD_MISSES = 3

/** Below this temperature a token is the first choice, but for near ties. */
export const MIN_SAMPLED = 0.05
/** Evidence against a sampled answer that fails it, in nats: by chance once in a billion audits. */
const PROOF = Math.log(1e9)
/** Less evidence says nothing by itself: by chance once in a hundred audits. */
const DOUBT = Math.log(100)
/** The test over several audits allows an error in a thousand; counted so, that is one in a million. */
const WEIGHT = 0.5
/** Evidence that an answer has less chance in it than was asked for, in nats: by chance once in a million audits. */
const PLAIN = Math.log(1e6)
/** Below this temperature a plain answer is no sign of anything. */
const MIN_LIVELY = 0.5

/**
 * Rates an answer by what another engine with the same weights says of each token.
 *
 * @param temperature at which it was written; above 0 a token that is not the first choice is honest, so that its
 *   surprisal is held against its expectation instead
 * @param drawing what the request said of it. @default nothing
 */
export function judge(
  scored: readonly ScoredPosition[],
  temperature: number,
  drawing: Drawing = {},
): Verdict {
  const positions = scored.length
  const margins = scored.map(marginOf)
  const meanMargin = positions === 0 ? 0 : sum(margins.map((m) => Math.min(m, CLIP))) / positions
  const misses = margins.filter((margin) => margin > 0).length
  const facts = { positions, misses, meanMargin }
  if (positions < MIN_POSITIONS) {
    return { ...facts, hardMisses: 0, outcome: 'inconclusive', logRatio: 0 }
  }
  if (temperature >= MIN_SAMPLED) return { ...facts, ...sampled(scored, temperature, drawing) }
  const logRatio = evidenceOf(positions, misses)
  const hardMisses = margins.filter((margin) => margin > HARD_MARGIN).length
  if (hardMisses >= HARD_MISSES) return { ...facts, hardMisses, outcome: 'failed', logRatio }
  const outcome = hardMisses > 0 || logRatio > 0 ? 'suspect' : 'passed'
  return { ...facts, hardMisses, outcome, logRatio }
}

function sampled(
  scored: readonly ScoredPosition[],
  temperature: number,
  drawing: Drawing,
): Pick<Verdict, 'hardMisses' | 'logRatio' | 'outcome' | 'surprise'> {
  const evidence = tooSurprising(scored, temperature)
  const hardMisses = filteredOut(scored, temperature, drawing)
  const surprise = Math.sign(evidence) * Math.sqrt(2 * Math.abs(evidence))
  const found = { hardMisses, surprise, logRatio: WEIGHT * evidence }
  if (evidence > PROOF || hardMisses >= HARD_MISSES) return { ...found, outcome: 'failed' }
  const isOdd =
    hardMisses > 0 ||
    evidence > DOUBT ||
    unusual(scored, temperature, drawing) >= HARD_MISSES ||
    isPlain(scored, drawing)
  return { ...found, outcome: isOdd ? 'suspect' : 'passed' }
}

/** Where the request names no temperature, the engine's may be 0. */
function isPlain(scored: readonly ScoredPosition[], drawing: Drawing): boolean {
  const { temperature } = drawing
  if (temperature === undefined || temperature === null || temperature < MIN_LIVELY) return false
  return tooPlain(scored, temperature, drawing) > PLAIN
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}

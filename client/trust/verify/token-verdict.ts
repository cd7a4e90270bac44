import { MIN_POSITIONS, type Verdict } from '../../request/index.ts'
import type { SamplingOptions } from './filters.ts'
import { filteredOut, unusual } from './impossible.ts'
import { marginOf, type ScoredPosition } from './scored-position.ts'
import { evidenceOf } from './sprt.ts'
import { tooPlain, tooSurprising } from './surprisal.ts'

/** Margin below the first choice that makes a token impossible (a hard miss) at temperature 0, in nats. */
export const HARD_MARGIN = 2
/** Larger margins count as this much, in nats. */
const CLIP = 5
/** Number of hard misses that rounding cannot explain. */
const HARD_MISSES = 3

/** Below this temperature every token is the first choice, except for near ties. */
export const MIN_SAMPLED = 0.05
/** Evidence that fails a sampled answer, in nats: one false alarm in a billion audits. */
const PROOF = Math.log(1e9)
/** Evidence that makes a sampled answer suspect: one false alarm in a hundred audits. */
const DOUBT = Math.log(100)
/** The sequential test over several audits allows an error rate of 1e-3; with this weight it becomes 1e-6. */
const WEIGHT = 0.5
/** Evidence of less randomness than requested, in nats: one false alarm in a million audits. */
const PLAIN = Math.log(1e6)
/** Below this temperature low randomness is not suspicious. */
const MIN_LIVELY = 0.5

/**
 * The verdict on the tokens of an answer, by the probabilities that another engine with the same weights assigns to them.
 *
 * @param temperature of the request. Above 0 a token that is not the first choice is normal, so its surprisal is compared
 *   with the expectation instead
 * @param sampling sampling options of the request. @default none
 */
export function tokenVerdict(
  scored: readonly ScoredPosition[],
  temperature: number,
  sampling: SamplingOptions = {},
): Verdict {
  const positions = scored.length
  const margins = scored.map(marginOf)
  const meanMargin = positions === 0 ? 0 : sum(margins.map((m) => Math.min(m, CLIP))) / positions
  const misses = margins.filter((margin) => margin > 0).length
  const facts = { positions, misses, meanMargin }
  if (positions < MIN_POSITIONS) {
    return { ...facts, hardMisses: 0, outcome: 'inconclusive', logRatio: 0 }
  }
  if (temperature >= MIN_SAMPLED) return { ...facts, ...sampled(scored, temperature, sampling) }
  const logRatio = evidenceOf(positions, misses)
  const hardMisses = margins.filter((margin) => margin > HARD_MARGIN).length
  if (hardMisses >= HARD_MISSES) return { ...facts, hardMisses, outcome: 'failed', logRatio }
  const outcome = hardMisses > 0 || logRatio > 0 ? 'suspect' : 'passed'
  return { ...facts, hardMisses, outcome, logRatio }
}

function sampled(
  scored: readonly ScoredPosition[],
  temperature: number,
  sampling: SamplingOptions,
): Pick<Verdict, 'hardMisses' | 'logRatio' | 'outcome' | 'surprise'> {
  const evidence = tooSurprising(scored, temperature)
  const hardMisses = filteredOut(scored, temperature, sampling)
  const surprise = Math.sign(evidence) * Math.sqrt(2 * Math.abs(evidence))
  const found = { hardMisses, surprise, logRatio: WEIGHT * evidence }
  if (evidence > PROOF || hardMisses >= HARD_MISSES) return { ...found, outcome: 'failed' }
  const isOdd =
    hardMisses > 0 ||
    evidence > DOUBT ||
    unusual(scored, temperature, sampling) >= HARD_MISSES ||
    isPlain(scored, sampling)
  return { ...found, outcome: isOdd ? 'suspect' : 'passed' }
}

/** False if the request sets no temperature, because the engine's default may be 0. */
function isPlain(scored: readonly ScoredPosition[], sampling: SamplingOptions): boolean {
  const { temperature } = sampling
  if (temperature === undefined || temperature === null || temperature < MIN_LIVELY) return false
  return tooPlain(scored, temperature, sampling) > PLAIN
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}

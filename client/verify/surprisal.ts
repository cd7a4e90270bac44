import type { ScoredPosition } from './scored-position.ts'

/** What a token beyond those that the engine tells counts, in nats: e⁻¹² is one in 160,000. */
const UNTOLD = 12
/** Of each position, added to the variance: the distribution told is cut off, and engines round. */
const SLACK_VARIANCE = 0.05

/**
 * How many standard deviations the surprisal of sampled tokens lies above its expectation under the scorer's own
 * distribution at that temperature. What a peer cut off before it drew (top-p, top-k) makes its tokens less
 * surprising, never more.
 */
export function surprise(scored: readonly ScoredPosition[], temperature: number): number {
  let excess = 0
  let variance = 0
  for (const position of scored) {
    const moments = momentsOf(position, temperature)
    excess += moments.surprisal - moments.entropy
    variance += moments.variance + SLACK_VARIANCE
  }
  return variance === 0 ? 0 : excess / Math.sqrt(variance)
}

interface Moments {
  readonly surprisal: number
  readonly entropy: number
  readonly variance: number
}

/** Of the likeliest tokens, made a distribution at this temperature. */
function momentsOf({ id, logprob, top }: ScoredPosition, temperature: number): Moments {
  const known = top.some((token) => token.id === id)
  const all = known || logprob === null ? top : [...top, { id, logprob }]
  const heated = all.map((token) => token.logprob / temperature)
  const largest = Math.max(...heated)
  const total =
    Math.log(heated.reduce((sum, value) => sum + Math.exp(value - largest), 0)) + largest
  let entropy = 0
  let square = 0
  for (const value of heated) {
    const log = value - total
    entropy -= Math.exp(log) * log
    square += Math.exp(log) * log * log
  }
  const chosen = all.findIndex((token) => token.id === id)
  const surprisal = chosen === -1 ? UNTOLD : Math.min(UNTOLD, total - (heated[chosen] ?? 0))
  return { surprisal, entropy, variance: Math.max(0, square - entropy * entropy) }
}

import { coarse, type TokenOutcome } from './coarse.ts'
import { passing, type SamplingOptions, usualFilters } from './filters.ts'
import type { ScoredPosition } from './scored-position.ts'

/** Tilts (λ) of the test. Small ones detect text that is slightly too surprising everywhere, large ones a few very unlikely tokens. */
const TILTS = [0.1, 0.25, 0.5, 0.75, 1] as const
/** Lengths of the prefixes tested: an answer to another prompt is consistent with itself, so only its beginning is surprising. */
const SPANS = [4, 12, Number.POSITIVE_INFINITY] as const
/** Lowest temperature assumed: below it rounding outweighs sampling. A higher temperature is only more lenient. */
const MIN_HEAT = 0.2
/** Allowance for rounding, in nats of surprisal per token. */
const ROUNDING = 0.02

/**
 * Evidence that other weights wrote an answer, in nats. An honest answer exceeds `x` with a probability of at most e⁻ˣ,
 * whatever filters its engine applies (top-k, top-p, min-p) and at any temperature up to the given one.
 *
 * Each token multiplies a bet by e^(λ·surprisal) ÷ its expectation. The product is a martingale for tokens sampled at this
 * temperature, and decreases for more likely ones (J. Ville, 1939; G. Shafer, "Testing by betting", 2021). Half of the
 * stake is on all tokens, half only on tokens that are not the first choice, conditional on that: so mixing in first
 * choices of other weights, which are rarely surprising, does not help a cheating peer.
 */
export function tooSurprising(scored: readonly ScoredPosition[], temperature: number): number {
  const heat = Math.max(MIN_HEAT, temperature)
  const bets = TILTS.flatMap((tilt) =>
    [0, 1].map((skips) => ({ tilt, skips, logs: SPANS.map(() => 0) })),
  )
  for (const [at, position] of scored.entries()) {
    const { outcomes, written } = coarse(position, heat)
    for (const { tilt, skips, logs } of bets) {
      if (written < skips) continue
      const gain = won(outcomes.slice(skips), written - skips, tilt) - (tilt * ROUNDING) / heat
      for (const [n, span] of SPANS.entries()) if (at < span) logs[n] = (logs[n] ?? 0) + gain
    }
  }
  return meanOf(bets.flatMap(({ logs }) => logs))
}

/**
 * Evidence that an answer was sampled with less randomness than requested, in nats, as above: its tokens are more likely
 * than samples with the usual filters. Does not depend on which weights wrote it.
 */
export function tooPlain(
  scored: readonly ScoredPosition[],
  temperature: number,
  sampling: SamplingOptions,
): number {
  const filters = usualFilters(sampling)
  const heat = Math.min(1, temperature)
  const bets = TILTS.map((tilt) => ({ tilt, log: 0 }))
  for (const position of scored) {
    const { outcomes, written } = coarse(position, heat)
    const kept = outcomes.slice(0, passing(position, filters, heat))
    // A filtered token is no evidence of less randomness.
    const at = Math.min(written, kept.length - 1)
    for (const bet of bets) bet.log += won(kept, at, -bet.tilt)
  }
  return meanOf(bets.map(({ log }) => log))
}

/** Contribution of one token to the logarithm of a bet. */
function won(outcomes: readonly TokenOutcome[], written: number, tilt: number): number {
  let mass = 0
  let expectation = 0
  for (const { probability, surprisal } of outcomes) {
    mass += probability
    expectation += probability * Math.exp(tilt * surprisal)
  }
  const surprisal = outcomes[written]?.surprisal ?? 0
  return tilt * surprisal - Math.log(expectation / mass)
}

/** Logarithm of the mean of bets, each given as its logarithm. */
function meanOf(bets: readonly number[]): number {
  const most = Math.max(...bets)
  const sum = bets.reduce((all, log) => all + Math.exp(log - most), 0)
  return most + Math.log(sum / bets.length)
}

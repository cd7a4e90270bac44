import { coarse, type Outcome } from './coarse.ts'
import { type Drawing, passing, usualFilters } from './filters.ts'
import type { ScoredPosition } from './scored-position.ts'

/** Tilts of the test. Small ones find text that is a little too surprising everywhere, large ones few wild tokens. */
const TILTS = [0.1, 0.25, 0.5, 0.75, 1] as const
/** Tokens from the first on: an answer to another prompt goes on as it began, so that only its beginning is odd. */
const SPANS = [4, 12, Number.POSITIVE_INFINITY] as const
/** Below this temperature rounding counts for more than chance; a higher one only allows more. */
const MIN_HEAT = 0.2
/** In nats of surprisal a token: engines round. */
const ROUNDING = 0.02

/**
 * Evidence that an answer is not of these weights, in nats: an honest one comes to more than `x` with a probability of
 * at most e⁻ˣ, however its engine cut off unlikely tokens (top-k, top-p, min-p), and at any temperature up to this one.
 *
 * Each token multiplies a bet by e^(λ·surprisal) ÷ the expectation of that. The product is a martingale for tokens drawn
 * as said, and falls for likelier ones (J. Ville, 1939; G. Shafer, "Testing by betting", 2021). Half of the stake is on
 * all tokens; half on those only that are not the first choice, given that they are not: whoever mixes in first choices
 * of other weights, which seldom surprise, gains nothing by it.
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
 * Evidence that an answer was not drawn as asked but with less chance, in nats, as above: tokens that are likelier than
 * draws with the usual filters are. It says nothing of the weights.
 */
export function tooPlain(
  scored: readonly ScoredPosition[],
  temperature: number,
  drawing: Drawing,
): number {
  const filters = usualFilters(drawing)
  const heat = Math.min(1, temperature)
  const bets = TILTS.map((tilt) => ({ tilt, log: 0 }))
  for (const position of scored) {
    const { outcomes, written } = coarse(position, heat)
    const kept = outcomes.slice(0, passing(position, filters, heat))
    // A token beyond is no sign of less chance.
    const at = Math.min(written, kept.length - 1)
    for (const bet of bets) bet.log += won(kept, at, -bet.tilt)
  }
  return meanOf(bets.map(({ log }) => log))
}

/** What one token adds to the logarithm of a bet. */
function won(outcomes: readonly Outcome[], written: number, tilt: number): number {
  let mass = 0
  let expectation = 0
  for (const { probability, surprisal } of outcomes) {
    mass += probability
    expectation += probability * Math.exp(tilt * surprisal)
  }
  const surprisal = outcomes[written]?.surprisal ?? 0
  return tilt * surprisal - Math.log(expectation / mass)
}

/** Of bets with equal stakes, each as its logarithm. */
function meanOf(bets: readonly number[]): number {
  const most = Math.max(...bets)
  const sum = bets.reduce((all, log) => all + Math.exp(log - most), 0)
  return most + Math.log(sum / bets.length)
}

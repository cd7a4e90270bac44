import type { ScoredPosition } from './scored-position.ts'

/** Size of the largest vocabularies in use, over which the unreported mass is spread. */
const MAX_VOCABULARY = 262_144
/** Reported probabilities add up to 1 only approximately. */
const MIN_REST = 1e-9

/** One token that a scorer reported, or all other tokens together. */
export interface TokenOutcome {
  /** 0 … 1, at the given temperature. */
  readonly probability: number
  /** In nats; for unreported tokens at least that of the least likely reported one. */
  readonly surprisal: number
}

/** The possible outcomes at a position, most likely first, and the index of the one that was written. */
export interface Coarse {
  readonly outcomes: readonly TokenOutcome[]
  readonly written: number
}

/**
 * A position at a temperature, with all unreported tokens as one last outcome. Its mass is known at temperature 1. At other
 * temperatures the upper bound is used: below 1 as if each of its tokens were as likely as the last reported one, above 1
 * as if they shared the mass evenly over a whole vocabulary. So unlikely tokens are never underestimated.
 */
export function coarse({ id, top }: ScoredPosition, temperature: number): Coarse {
  const reported = top.reduce((sum, { logprob }) => sum + Math.exp(logprob), 0)
  const rest = Math.max(MIN_REST, 1 - reported)
  const least = top.at(-1)?.logprob ?? 0
  const power = 1 / temperature
  const weights = [
    ...top.map(({ logprob }) => Math.exp(logprob * power)),
    temperature > 1
      ? MAX_VOCABULARY * (rest / MAX_VOCABULARY) ** power
      : rest * Math.exp(least * (power - 1)),
  ]
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  let highest = 0
  const outcomes = weights.map((weight) => {
    highest = Math.max(highest, Math.log(total / weight))
    return { probability: weight / total, surprisal: highest }
  })
  const at = top.findIndex((token) => token.id === id)
  return { outcomes, written: at === -1 ? top.length : at }
}

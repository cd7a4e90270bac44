import type { ScoredPosition } from './scored-position.ts'

/** The largest vocabularies in use: so many tokens share what is not told. */
const MAX_VOCABULARY = 262_144
/** What is told adds up to 1 only roughly. */
const MIN_REST = 1e-9

/** One of the tokens that a scorer tells, or all others together. */
export interface Outcome {
  /** 0 … 1, at the temperature in question. */
  readonly probability: number
  /** In nats; of what is not told no less than of the least likely that is. */
  readonly surprisal: number
}

/** What could have been written at a position, the likeliest first, and which of it was. */
export interface Coarse {
  readonly outcomes: readonly Outcome[]
  readonly written: number
}

/**
 * A position at a temperature, with everything that is not told as one last outcome. Its mass is known at temperature 1.
 * At others it is the most that it can be: below 1 as if each of its tokens were as likely as the last one told, above
 * as if all of a vocabulary shared it evenly. So less likely tokens never get less than they have.
 */
export function coarse({ id, top }: ScoredPosition, temperature: number): Coarse {
  const told = top.reduce((sum, { logprob }) => sum + Math.exp(logprob), 0)
  const rest = Math.max(MIN_REST, 1 - told)
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

import type { ComparableAnswer } from './comparable-answer.ts'

/**
 * Largest margin in nats at which rounding or another batch may pick either of the two likeliest tokens. Honest engines
 * pick another token at about one place in 200; across GPUs more than 98 % are the same (Token-DiFR, arXiv 2511.20621).
 */
const MAX_TIED_MARGIN = 0.5

/** With p₁ + p₂ ≤ 1 and ln p₁ − ln p₂ ≤ m, p₁ ≤ eᵐ / (1 + eᵐ): about 0.622. */
const MAX_TIED_LOGPROB = MAX_TIED_MARGIN - Math.log1p(Math.exp(MAX_TIED_MARGIN))

/**
 * Whether two answers diverge at a position where both engines had two tokens nearly tied. After it honest answers may
 * differ, so only this position is judged. False without token ids, or if one answer merely ends earlier, as nothing
 * then shows a tie.
 */
export function partsAtNearTie(a: ComparableAnswer, b: ComparableAnswer): boolean {
  const shorter = Math.min(a.tokenIds.length, b.tokenIds.length)
  for (let position = 0; position < shorter; position += 1) {
    if (a.tokenIds[position] !== b.tokenIds[position]) {
      return isTied(a, position) && isTied(b, position)
    }
  }
  return false
}

function isTied({ logprobs, margins, tokenIds }: ComparableAnswer, position: number): boolean {
  const margin = margins?.length === tokenIds.length ? margins[position] : undefined
  if (margin !== undefined) return margin <= MAX_TIED_MARGIN
  const logprob = logprobs.length === tokenIds.length ? logprobs[position] : undefined
  return logprob !== undefined && logprob <= MAX_TIED_LOGPROB
}

import type { AnswerRequest } from '../../../protocol/index.ts'
import type { ComparableAnswer } from './comparable-answer.ts'
import { compareAnswers } from './compare-answers.ts'
/** The winner among several answers, and how many agree with it. */
export interface FoundAgreement {
  /** Index of the answer to deliver. */
  readonly winner: number
  /** Answers that agree with it, itself included. */
  readonly agreeing: number
  /** Whether some of them differ by a near tie. */
  readonly tolerated: boolean
}

/**
 * Finds the answer with which most others agree. Ties go to the answer with the most `same` comparisons, then to the
 * earliest. Only agreement with the winner counts: two that each differ from it by a near tie may differ from each
 * other.
 *
 * @returns undefined if fewer than `agree` agree
 */
export function findAgreement(
  answers: readonly ComparableAnswer[],
  agree: number,
  request: AnswerRequest,
): FoundAgreement | undefined {
  const tallies = answers.map(() => ({ agreeing: 1, same: 1 }))
  for (const [first, a] of answers.entries()) {
    for (const [later, b] of answers.slice(first + 1).entries()) {
      const comparison = compareAnswers(a, b, request)
      if (comparison === 'different') continue
      for (const tally of [tallies[first], tallies[first + 1 + later]]) {
        if (tally === undefined) continue
        tally.agreeing += 1
        if (comparison === 'same') tally.same += 1
      }
    }
  }
  const [best] = tallies
    .map((tally, winner) => ({ ...tally, winner }))
    .sort((a, b) => b.agreeing - a.agreeing || b.same - a.same || a.winner - b.winner)
  if (best === undefined || best.agreeing < agree) return undefined
  const { agreeing, same, winner } = best
  return { winner, agreeing, tolerated: same < agreeing }
}

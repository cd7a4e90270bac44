import type { Job } from '../request/index.ts'
import { findAgreement } from './agreement/index.ts'
import type { AttemptRun } from './attempt-run.ts'
import { comparable } from './comparable.ts'

/**
 * Compares the complete answers of a quorum and records the result.
 *
 * @returns the attempt whose answer enough others agree with; undefined until enough answers are complete
 */
export function agreeingAttempt(
  { plan, request, journal }: Pick<Job, 'journal' | 'plan' | 'request'>,
  complete: readonly AttemptRun[],
): AttemptRun | undefined {
  if (plan.type !== 'quorum') return undefined
  const answers = complete.map(({ held }) => comparable(request.kind, held))
  const found = findAgreement(answers, plan.agree, request)
  journal.agreement = {
    answers: answers.length,
    agreeing: found?.agreeing ?? 1,
    tolerated: found?.tolerated ?? false,
  }
  return found && complete[found.winner]
}

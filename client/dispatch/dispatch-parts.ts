import type { Scope } from '../../timing/index.ts'
import type { Job } from '../request/index.ts'
import type { AttemptMessage, AttemptRun } from './attempt-run.ts'
import { Delivery } from './delivery.ts'
import type { DispatchContext } from './dispatch-context.ts'
import { Leader } from './leader.ts'
import { Opener } from './opener.ts'
import { AnswerRecovery } from './recovery.ts'
import { RequestFailure } from './request-failure.ts'
import { RouteReports } from './route-reports.ts'
import { RunningAttempts } from './running-attempts.ts'

/** The parts of one dispatch, which know of each other what they need. */
export interface DispatchParts {
  readonly opener: Opener
  readonly delivery: Delivery
  readonly leader: Leader
  readonly why: RequestFailure
  readonly recovery: AnswerRecovery
  readonly reports: RouteReports
  readonly attempts: RunningAttempts
}

/** @param send receives what the attempts report */
export function createDispatchParts(
  context: DispatchContext,
  job: Job,
  scope: Scope,
  send: (attempt: AttemptRun, message: AttemptMessage) => void,
): DispatchParts {
  const opener = new Opener(context, job, scope)
  const { selection } = opener
  const delivery = new Delivery(job)
  const leader = new Leader(job.limits)
  const recovery = new AnswerRecovery({ job, delivery, leader, selection })
  const resumeNeed = () => recovery.resumeNeed()
  return {
    ...{ opener, delivery, leader, recovery },
    why: new RequestFailure(job, selection),
    reports: new RouteReports(context.router, selection),
    attempts: new RunningAttempts({ context, job, scope, opener, resumeNeed, send }),
  }
}

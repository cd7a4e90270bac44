import type { Scope } from '../../timing/index.ts'
import type { AnswerEvent, Job } from '../request/index.ts'
import type { DispatchContext } from './dispatch-context.ts'
import { DispatchRun } from './dispatch-run.ts'
/**
 * Runs a request until its answer is complete.
 *
 * @throws InferenceError if it cannot be answered; the scope's reason if the caller or the deadline ended it
 */
export function dispatch(
  context: DispatchContext,
  job: Job,
  scope: Scope,
): AsyncGenerator<AnswerEvent, void, void> {
  const isBatch = job.placement?.batch === true
  const own = isBatch ? { ...context, ...context.batchBudgets } : context
  return new DispatchRun(own, job, scope).events()
}

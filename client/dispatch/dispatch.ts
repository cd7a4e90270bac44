import type { Scope } from '../../timing/index.ts'
import type { AnswerEvent, Job } from '../request/index.ts'
import type { DispatchContext } from './dispatch-context.ts'
import { DispatchRun } from './dispatch-run.ts'
/**
 * Runs a request until its answer is complete.
 *
 * @throws InferenceError if it cannot be answered; the scope's reason if the caller or the deadline ended it
 */
export async function* dispatch(
  context: DispatchContext,
  job: Job,
  scope: Scope,
): AsyncGenerator<AnswerEvent, void, void> {
  const budgets = job.placement?.batch === true ? context.batchBudgets : undefined
  const run = new DispatchRun({ ...context, ...budgets }, job, scope)
  try {
    yield* run.events()
  } finally {
    await run.close()
  }
}

import type { Scope } from '../../timing/index.ts'
import type { AnswerEvent, Job } from '../request/index.ts'
import type { DispatchContext } from './dispatch-context.ts'
import { DispatchRun } from './dispatch-run.ts'
/**
 * Runs a request until it is answered completely, then ends.
 *
 * @throws InferenceError when it cannot be; the scope's reason when the caller or the deadline ended it
 */
export async function* dispatch(
  context: DispatchContext,
  job: Job,
  scope: Scope,
): AsyncGenerator<AnswerEvent, void, void> {
  const run = new DispatchRun(context, job, scope)
  try {
    yield* run.events()
  } finally {
    await run.close()
  }
}

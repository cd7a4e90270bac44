import type { Scope } from '../../timing/index.ts'
import type { AnswerEvent } from '../request/index.ts'
import type { PreparedRequest } from './prepare.ts'

/**
 * Answers a request. What becomes known on the way (the model, the verdict, the usage) is an event of the answer.
 *
 * @throws InferenceError where there is no complete answer; the scope's reason once the scope has ended
 */
export type Ask = (
  request: PreparedRequest,
  scope: Scope,
) => AsyncGenerator<AnswerEvent, void, void>

/** Answers requests by way of the stage after it. */
export type Stage = (next: Ask) => Ask

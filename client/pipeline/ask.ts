import type { Scope } from '../../timing/index.ts'
import type { AnswerEvent } from '../request/index.ts'
import type { PreparedRequest } from './prepare.ts'

/**
 * Answers a request. The model, the verdict and the usage are events of the answer.
 *
 * @throws InferenceError if there is no complete answer; the scope's reason once the scope has ended
 */
export type Ask = (
  request: PreparedRequest,
  scope: Scope,
) => AsyncGenerator<AnswerEvent, void, void>

/** One step of the pipeline: wraps the next one. */
export type Stage = (next: Ask) => Ask

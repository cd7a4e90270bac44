/**
 * Calls with many answers: `n` choices, lists of prompts, many inputs and batches are split into requests, spread over all
 * peers, and merged again.
 *
 * @example
 * import { systemClock } from '../../timing/index.ts'
 * import type { Requester } from '../pipeline/index.ts'
 *
 * const embed = (requester: Requester, input: readonly string[]) =>
 *   splitRequests(requester, { timeoutMs: 60_000, random: Math.random, clock: systemClock }).embed({ model: 'nomic-embed-text', input })
 *
 * @packageDocumentation
 */
export {
  type BatchOptions,
  type BatchProgress,
  type BatchRequest,
  type BatchResult,
  runBatch,
} from './batch/index.ts'
export { PartialFailure } from './partial-failure.ts'
export { splitRequests } from './split-requests.ts'

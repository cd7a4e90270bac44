/**
 * Many requests, spread over all peers, each with one result.
 *
 * @example
 * async function answersOf(results: AsyncIterable<BatchResult>): Promise<string[]> {
 *   return await Array.fromAsync(results, ({ id, error }) => `${id}: ${error?.message ?? 'answered'}`)
 * }
 *
 * @packageDocumentation
 */
export type { BatchOptions, BatchProgress, BatchRequest, BatchResult } from './batch-request.ts'
export { runBatch } from './run-batch.ts'

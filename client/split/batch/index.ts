export type { BatchOptions, BatchProgress, BatchRequest, BatchResult } from './batch-request.ts'
export { runBatch } from './run-batch.ts'

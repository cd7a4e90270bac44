/**
 * OpenAI's files and batches: stored on disk, run over the swarm, continued after a restart.
 *
 * @packageDocumentation
 */
export { batchResultLine, readBatchLine } from './batch-line.ts'
export type { BatchRecord, LineError } from './batch-record.ts'
export { Batches } from './batches.ts'
export { readLines } from './jsonl.ts'
export { OpenedBatches } from './opened-batches.ts'
export { batchRoutes } from './routes.ts'
export { type FileVerdict, validateFile } from './validate-file.ts'
export { type ResultPaths, WrittenResults } from './written-results.ts'

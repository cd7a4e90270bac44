/**
 * Files and batches, as OpenAI has them: kept on disk, run over the swarm, and gone on with after a restart.
 *
 * @packageDocumentation
 */
export { batchResultLine, readBatchLine } from './batch-line.ts'
export type { LineError } from './batch-record.ts'
export { Batches } from './batches.ts'
export { readLines } from './jsonl.ts'
export { batchRoutes } from './routes.ts'
export { type FileVerdict, validateFile } from './validate-file.ts'
export { type ResultPaths, WrittenResults } from './written-results.ts'

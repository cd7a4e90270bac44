export {
  type BatchOptions,
  type BatchProgress,
  type BatchRequest,
  type BatchResult,
  runBatch,
} from './batch/index.ts'
export { PartialFailure } from './partial-failure.ts'
export { splitRequests } from './split-requests.ts'

export { backoffMs } from './backoff.ts'
export { Mailbox } from './mailbox.ts'
export {
  type After,
  delay,
  openInnerScope,
  openScope,
  raceSignal,
  type Scope,
  Superseded,
} from './scope.ts'
export {
  type BucketRate,
  type BucketState,
  charge,
  fullBucket,
  refill,
  takeOne,
} from './token-bucket.ts'
export { untilAborted, whilePending } from './until-aborted.ts'

/**
 * One clock, and what waits on it. Nothing else in the client, the node, the host and the ledger reads the time.
 *
 * @example
 * const timer = clock.after(1_000, () => controller.abort(new Error('too late')))
 * timer[Symbol.dispose]()
 *
 * @packageDocumentation
 */
export { backoffMs } from './backoff.ts'
export { type Clock, every, systemClock, type TimerOptions } from './clock.ts'
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

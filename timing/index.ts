/**
 * One clock, and everything that waits on it. No other code in client, node, host and ledger reads the time.
 *
 * @example
 * function abortAfterOneSecond(clock: Clock, controller: AbortController): Disposable {
 *   return clock.after(1_000, () => controller.abort(new Error('too late')))
 * }
 *
 * @packageDocumentation
 */

export { raceSignal } from 'race-signal'
export type { AbortOptions } from './abort-options.ts'
export { type BackoffInit, backoffMs, EQUAL_JITTER, QUARTER_JITTER } from './backoff.ts'
export {
  type Clock,
  every,
  everyTogether,
  MAX_TIMER_MS,
  systemClock,
  type TimerOptions,
} from './clock.ts'
export { closedWithin } from './closed-within.ts'
export { type DelayOptions, delay, pause, settledWithin, whilePending } from './delay.ts'
export { type FlattenedInit, flattened } from './flattened.ts'
export { followSignal } from './follow-signal.ts'
export { IdleTimer } from './idle-timer.ts'
export { Mailbox } from './mailbox.ts'
export { NewestValues } from './newest-values.ts'
export { nextTurn } from './next-turn.ts'
export {
  openInnerScope,
  openScope,
  type Scope,
  type ScopeInit,
  type ScopeOptions,
  Superseded,
} from './scope.ts'
export { SignalRace } from './signal-race.ts'
export { failing, openedLater, startingWith, type Tap, tapped } from './tapped.ts'
export {
  type BucketRate,
  type BucketState,
  charge,
  fullBucket,
  refill,
  takeOne,
} from './token-bucket.ts'
export { Turns } from './turns.ts'

/**
 * One request on as many peers as it takes: a state machine that says what to do, and a run that does it. Attempts,
 * failover before the commit point, going on in mid-answer after it, comparison, one deadline.
 *
 * @example
 * for await (const event of dispatch(context, job, scope)) {
 *   if (event.type === 'chunk') show(event.chunk, event.peerId)
 * }
 *
 * @packageDocumentation
 */
export { type DispatchEvent, dispatch, type Job, type Told } from './dispatch.ts'
export type { DispatchContext } from './dispatch-context.ts'
export { type AttemptNote, Journal } from './journal.ts'
export {
  type DispatchEffect,
  type DispatchInput,
  type DispatchState,
  initialState,
  transition,
} from './machine.ts'
export { Mailbox } from './mailbox.ts'
export { Pace } from './pace.ts'
export { estimatePromptTokens, exactPromptTokens } from './prompt-size.ts'
export { shownText } from './transcript.ts'
export { type Failure, fatal, mayRepeat, pauseMs } from './verdict.ts'

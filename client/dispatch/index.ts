/**
 * One request on as many peers as it takes: a state machine that says what to do, and a run that does it. Attempts,
 * failover before the commit point, going on in mid-answer after it, comparison, one deadline.
 *
 * @example
 * import type { Job } from '../request/index.ts'
 * import type { Scope } from '../../timing/index.ts'
 *
 * async function show(context: DispatchContext, job: Job, scope: Scope): Promise<void> {
 *   for await (const event of dispatch(context, job, scope)) {
 *     if (event.type === 'chunk') console.log(event.chunk, event.peerId)
 *   }
 * }
 *
 * @packageDocumentation
 */
export { isDeterministic } from './agreement/index.ts'
export { ResumeReserve, RetryBudget } from './budget/index.ts'
export { dispatch } from './dispatch.ts'
export type { DispatchContext } from './dispatch-context.ts'
export { soleAnswer } from './sole-answer.ts'

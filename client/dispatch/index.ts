/**
 * Runs one request on as many peers as it needs: a state machine decides, and a run carries out its effects. Covers
 * attempts, failover before the commit point, resumes after it, comparison of answers and the one deadline.
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

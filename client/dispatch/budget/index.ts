/**
 * What a client may spend beyond one attempt a request, so that it never adds to an overload.
 *
 * @example
 * const lease = await reserve.acquire({ signal })
 * try {
 *   await goOnElsewhere()
 *   lease.succeeded()
 * } finally {
 *   lease.failed()
 * }
 *
 * @packageDocumentation
 */
export { type ResumeLease, ResumeReserve } from './resume-reserve.ts'
export { RetryBudget } from './retry-budget.ts'

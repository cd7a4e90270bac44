/**
 * Limits the attempts of a client beyond one per request, so that it never adds to an overload.
 *
 * @example
 * async function resume(reserve: ResumeReserve, attempt: () => Promise<void>): Promise<void> {
 *   const lease = await reserve.acquire({ signal: AbortSignal.timeout(5_000) })
 *   try {
 *     await attempt()
 *     lease.succeeded()
 *   } finally {
 *     lease.failed()
 *   }
 * }
 *
 * @packageDocumentation
 */
export { type ResumeLease, ResumeReserve } from './resume-reserve.ts'
export { RetryBudget } from './retry-budget.ts'

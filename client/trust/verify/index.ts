/**
 * Whether a model wrote these tokens: a verdict by what another engine with the same weights says of each. Pure.
 *
 * @example
 * const rated = [{ id: 7, logprob: -0.1, top: [{ id: 7, logprob: -0.1 }] }]
 * const { outcome } = judge(rated, 0)
 *
 * @packageDocumentation
 */
export { auditRate } from './audit-rate.ts'
export type { Drawing } from './filters.ts'
export { decisionAt } from './sprt.ts'
export { HARD_MARGIN, judge, MIN_SAMPLED } from './verdict.ts'

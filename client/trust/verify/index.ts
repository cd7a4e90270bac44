/**
 * Decides whether a model wrote the given tokens, by the probabilities that another engine with the same weights assigns to
 * them. Pure.
 *
 * @example
 * const rated = [{ id: 7, logprob: -0.1, top: [{ id: 7, logprob: -0.1 }] }]
 * const { outcome } = tokenVerdict(rated, 0)
 *
 * @packageDocumentation
 */
export { auditRate } from './audit-rate.ts'
export type { SamplingOptions } from './filters.ts'
export { decisionAt } from './sprt.ts'
export { HARD_MARGIN, MIN_SAMPLED, tokenVerdict } from './token-verdict.ts'

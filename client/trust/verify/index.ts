export { auditRate } from './audit-rate.ts'
export type { Drawing } from './filters.ts'
export { decisionAt } from './sprt.ts'
export { HARD_MARGIN, judge, MIN_SAMPLED } from './verdict.ts'

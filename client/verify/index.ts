export { auditRate } from './audit-rate.ts'
export { marginOf, type ScoredPosition } from './scored-position.ts'
export { decisionAt, evidenceOf } from './sprt.ts'
export { judge, MIN_POSITIONS, type Verdict } from './verdict.ts'

export { auditRate } from './audit-rate.ts'
export { marginOf, type ScoredPosition } from './scored-position.ts'
export { ACCEPT_AT, decisionAt, evidenceOf, REJECT_AT } from './sprt.ts'
export { judge, type Verdict } from './verdict.ts'

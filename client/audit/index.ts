export { Auditor, type AuditReport } from './auditor.ts'
export { checkedAnswer } from './checked-answer.ts'
export { scoreAt } from './score-at.ts'
export { type Subject, Witness } from './witness.ts'

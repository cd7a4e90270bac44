export { Auditor, type AuditReport } from './auditor.ts'
export { checkedAnswer } from './checked-answer.ts'

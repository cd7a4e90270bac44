export { Auditor, type AuditReport } from './auditor.ts'
export { checkedAnswer } from './checked-answer.ts'
export { scoreAt } from './score-at.ts'
export {
  mergedVerification,
  type Unrated,
  type Verification,
} from './verification.ts'
export { type Subject, Witness } from './witness.ts'

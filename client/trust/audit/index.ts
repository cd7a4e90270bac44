export { Auditor } from './auditor.ts'
export type { Oddity } from './free-checks.ts'
export { scoreAt } from './score-at.ts'
export { Witness } from './witness.ts'

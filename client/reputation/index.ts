export { Reputation, type StandingReport } from './reputation.ts'
export { specClassOf } from './spec-class.ts'
export type { AuditEvidence } from './standing.ts'
export { type TrustOf, trustOf } from './trust-of.ts'

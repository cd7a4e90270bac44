/**
 * What a client has learned about peers from audits, and how routing uses it.
 *
 * @example
 * const reputation = new Reputation(Date.now)
 * const trust = trustOf(reputation, Math.random)
 * reputation.audited('12D3Koo…', 'sha256:…', { outcome: 'failed', logRatio: 0, hardMisses: 3 })
 *
 * @packageDocumentation
 */

export type { PeerMark } from './owner-marks.ts'
export type { AuditEvidence } from './peer-standing.ts'
export { type Lesson, Reputation } from './reputation.ts'
export { isOfNewerVersion } from './saved-standings.ts'
export { specClassOf, templateOf } from './spec-class.ts'
export type { StandingReport } from './standing-report.ts'
export { type TrustOf, trustOf } from './trust-of.ts'

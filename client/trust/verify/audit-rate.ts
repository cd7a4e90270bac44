/** Consecutive passed audits below which every answer is audited (BOINC's adaptive replication: D. P. Anderson, 2009). */
const ALWAYS_BELOW = 10
/** Min share, however long a peer was honest, so that one that turns dishonest is found. */
export const AUDIT_RATE_FLOOR = 0.05

/** Share of a peer's answers that are audited. */
export function auditRate(consecutiveValid: number): number {
  return consecutiveValid < ALWAYS_BELOW ? 1 : Math.max(AUDIT_RATE_FLOOR, 1 / consecutiveValid)
}

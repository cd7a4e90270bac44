import { backoffMs } from '../../../timing/index.ts'
import { decisionAt } from '../verify/index.ts'
import { type Evidence, expectationOf, NO_EVIDENCE, withEvidence } from './evidence.ts'

/** The result of an audit, as evidence. */
export interface AuditEvidence {
  readonly outcome: 'passed' | 'suspect' | 'failed'
  /** Tokens that its weights would not have produced, according to the scorers. */
  readonly hardMisses: number
  /** Contribution to the sequential test. */
  readonly logRatio: number
}

/** What is known about one peer with one set of weights and one template. Immutable: each event makes a new one. */
export interface PeerStanding {
  /** From audits only: an unaudited answer proves nothing. The router keeps track of availability. */
  readonly quality: Evidence
  /** Consecutive passed audits. */
  readonly consecutiveValid: number
  /** State of the sequential test. */
  readonly logRatio: number
  /** Hard misses of recent audits; older ones decay. */
  readonly hardMisses: number
  /** Failed audits that have not been forgiven. */
  readonly strikes: number
  /** Number of quarantines so far. */
  readonly quarantines: number
  /** Milliseconds since 1970; in the past if it is not quarantined. */
  readonly quarantinedUntilMs: number
  readonly audits: number
  /** Times that it was outvoted as a scorer; older ones decay. */
  readonly doubts: number
  readonly lastMs: number
}

/** Blame that applies to a peer with these weights under any template. */
type Blame = Pick<
  PeerStanding,
  'doubts' | 'hardMisses' | 'logRatio' | 'quarantinedUntilMs' | 'quarantines' | 'strikes'
>

/** A failed audit weighs as much as ten passed ones. */
const FAILED_WEIGHT = 10
/** Failed audits that lead to quarantine: more than one, because scorers err, too. */
export const MAX_STRIKES = 3
/** Hard misses that lead to quarantine, however many other tokens were good. */
const MAX_HARD_MISSES = 3
/** Decay of hard misses per audit: an honest peer has none, except for rare rounding. */
const HARD_MISS_DECAY = 0.97
/** Decay of doubts per audit of the peer's own answers. */
const DOUBT_DECAY = 0.995
/** Consecutive passed audits for which one strike is forgiven. */
const FORGIVEN_AFTER = 200
export const MAX_QUARANTINE_MS = 604_800_000
/** From an hour up to a week. */
const QUARANTINE = { minMs: 3_600_000, maxMs: MAX_QUARANTINE_MS }
/** Consecutive passed audits that make a newcomer proven. */
const PROVEN_AUDITS = 3
/** A peer with a lower reputation would never be asked again. */
const MIN_REPUTATION = 0.1

export function newcomerAt(nowMs: number): PeerStanding {
  return {
    quality: NO_EVIDENCE,
    consecutiveValid: 0,
    logRatio: 0,
    hardMisses: 0,
    strikes: 0,
    quarantines: 0,
    quarantinedUntilMs: 0,
    audits: 0,
    doubts: 0,
    lastMs: nowMs,
  }
}

/**
 * The standing after an audit. Three failed audits, three hard misses, or a rejection by the sequential test lead to
 * quarantine.
 */
export function afterAudit(
  before: PeerStanding,
  audit: AuditEvidence,
  nowMs: number,
): PeerStanding {
  const logRatio = before.logRatio + audit.logRatio
  const decision = decisionAt(logRatio)
  const hardMisses = before.hardMisses * HARD_MISS_DECAY + audit.hardMisses
  const known = {
    ...before,
    hardMisses,
    audits: before.audits + 1,
    doubts: before.doubts * DOUBT_DECAY,
    lastMs: nowMs,
  }
  if (audit.outcome === 'failed') {
    const strikes = before.strikes + 1
    const failed = {
      ...known,
      quality: withEvidence(before.quality, { bad: FAILED_WEIGHT }),
      consecutiveValid: 0,
      strikes,
      // The strike already accounts for the hard misses of this audit.
      hardMisses: before.hardMisses,
      logRatio: 0,
    }
    return strikes >= MAX_STRIKES ? quarantined(failed, nowMs) : failed
  }
  if (decision === 'reject' || hardMisses >= MAX_HARD_MISSES) {
    const quality = withEvidence(before.quality, { bad: 2 * FAILED_WEIGHT })
    return quarantined({ ...known, quality, consecutiveValid: 0, logRatio: 0 }, nowMs)
  }
  if (audit.outcome === 'suspect') {
    // Not proof, but a hard miss raises the audit rate again.
    const consecutiveValid = audit.hardMisses > 0 ? 0 : before.consecutiveValid
    return { ...known, consecutiveValid, logRatio }
  }
  const consecutiveValid = before.consecutiveValid + 1
  const forgives = before.strikes > 0 && consecutiveValid % FORGIVEN_AFTER === 0
  return {
    ...known,
    quality: withEvidence(before.quality, { good: 1 }),
    consecutiveValid,
    strikes: forgives ? before.strikes - 1 : before.strikes,
    logRatio: decision === 'accept' ? 0 : logRatio,
  }
}

/** After its release the peer is a newcomer, whose answers are all audited, one strike away from a longer quarantine. */
function quarantined(standing: PeerStanding, nowMs: number): PeerStanding {
  const { quarantines } = standing
  const lengthMs = backoffMs(quarantines, QUARANTINE)
  return {
    ...standing,
    quarantines: quarantines + 1,
    quarantinedUntilMs: nowMs + lengthMs,
    consecutiveValid: 0,
    strikes: MAX_STRIKES - 1,
    logRatio: 0,
    hardMisses: 0,
  }
}

/** Applies the blame of the weights to the standing of one template. */
export function withBlameOf(
  standing: PeerStanding,
  { doubts, hardMisses, logRatio, quarantinedUntilMs, quarantines, strikes }: Blame,
): PeerStanding {
  const isWorse = strikes > standing.strikes || quarantines > standing.quarantines
  return {
    ...standing,
    doubts,
    hardMisses,
    logRatio,
    quarantinedUntilMs,
    quarantines,
    strikes,
    consecutiveValid: isWorse ? 0 : standing.consecutiveValid,
  }
}

/** The maximum of each field. */
export function worseOf(one: Blame, other: Blame): Blame {
  return {
    doubts: Math.max(one.doubts, other.doubts),
    hardMisses: Math.max(one.hardMisses, other.hardMisses),
    logRatio: Math.max(one.logRatio, other.logRatio),
    quarantinedUntilMs: Math.max(one.quarantinedUntilMs, other.quarantinedUntilMs),
    quarantines: Math.max(one.quarantines, other.quarantines),
    strikes: Math.max(one.strikes, other.strikes),
  }
}

export function isQuarantined({ quarantinedUntilMs }: PeerStanding, nowMs: number): boolean {
  return nowMs < quarantinedUntilMs
}

/** Whether enough audits have confirmed its advertised weights. */
export function isProven({ consecutiveValid }: PeerStanding): boolean {
  return consecutiveValid >= PROVEN_AUDITS
}

/** Divisor of the peer's cost, 0.1 … 1; 0.5 without evidence. */
export function reputationOf({ quality }: PeerStanding): number {
  return Math.max(MIN_REPUTATION, expectationOf(quality))
}

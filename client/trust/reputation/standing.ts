import { backoffMs } from '../../../timing/index.ts'
import { decisionAt } from '../verify/index.ts'
import { type Evidence, expectationOf, NO_EVIDENCE, withEvidence } from './evidence.ts'
/** What an audit said, as evidence. */
export interface AuditEvidence {
  readonly outcome: 'passed' | 'suspect' | 'failed'
  /** Tokens that its weights would not have written, by the word of two. */
  readonly hardMisses: number
  /** What it adds to the sequential test. */
  readonly logRatio: number
}

/** What is known of one peer with one set of weights and one template. A value: each event makes a new one. */
export interface PeerStanding {
  /** By audits alone: an answer that nobody looked at proves nothing. Whether it answers at all is the router's to know. */
  readonly quality: Evidence
  /** Audits passed in a row. */
  readonly consecutiveValid: number
  /** Of the sequential test. */
  readonly logRatio: number
  /** Of its latest audits, older ones counting less. */
  readonly hardMisses: number
  /** Failed audits that are not forgiven. */
  readonly strikes: number
  /** Times that it was quarantined. */
  readonly quarantines: number
  /** Milliseconds since 1970; in the past where it is free. */
  readonly quarantinedUntilMs: number
  readonly audits: number
  /** Times that its rating of another's answer stood against most others', older ones counting less. */
  readonly doubts: number
  readonly lastMs: number
}

/** What is held against a peer with these weights, whatever template it names. */
type Blame = Pick<
  PeerStanding,
  'doubts' | 'hardMisses' | 'logRatio' | 'quarantinedUntilMs' | 'quarantines' | 'strikes'
>

/** A failed audit weighs as much as ten that passed. */
const FAILED_WEIGHT = 10
/** So many failed audits lead to quarantine: verifiers err, too. */
export const MAX_STRIKES = 3
/** So many tokens that its weights would not have written lead to quarantine, however few they are among the others. */
const MAX_HARD_MISSES = 3
/** What they count after the next audit: an honest peer has none, but rounding may surprise. */
const HARD_MISS_DECAY = 0.97
/** What a doubt counts after the next audit of its own answers. */
const DOUBT_DECAY = 0.995
/** Audits passed in a row for which one strike is forgiven. */
const FORGIVEN_AFTER = 200
export const MAX_QUARANTINE_MS = 604_800_000
/** From an hour up to a week. */
const QUARANTINE = { minMs: 3_600_000, maxMs: MAX_QUARANTINE_MS }
/** Audits passed in a row from which on a peer is no newcomer. */
const PROVEN_AUDITS = 3
/** Below this a peer would never be asked again. */
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
 * After an audit. Three failed ones, three tokens that its weights would not have written, or the sequential test lead
 * to quarantine.
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
      // They are what the strike is for.
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
    // It proves nothing by itself, but a token that its weights would not have written has it looked at closely.
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

/** Released it is a newcomer again, whose every answer is audited, and one strike from the next, longer quarantine. */
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

/** Another template of the same weights: its own evidence, and what is held against all of them. */
export function withBlameOf(
  standing: PeerStanding,
  { doubts, hardMisses, logRatio, quarantinedUntilMs, quarantines, strikes }: Blame,
): PeerStanding {
  const isWorse = strikes > standing.strikes || quarantines > standing.quarantines
  return {
    ...standing,
    ...{ doubts, hardMisses, logRatio, quarantinedUntilMs, quarantines, strikes },
    consecutiveValid: isWorse ? 0 : standing.consecutiveValid,
  }
}

/** The worst of both, each on its own. */
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

/** Whether audits have shown it to be what it says. */
export function isProven({ consecutiveValid }: PeerStanding): boolean {
  return consecutiveValid >= PROVEN_AUDITS
}

/** 0.1 … 1, by which the cost of asking it is divided. Without evidence one half. */
export function reputationOf({ quality }: PeerStanding): number {
  return Math.max(MIN_REPUTATION, expectationOf(quality))
}

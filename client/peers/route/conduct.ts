import { backoffMs } from '../../../timing/index.ts'

/** How long a peer is suspect after failures in a row. */
const SUSPICION = { minMs: 5_000, maxMs: 300_000 }
/** Weight of the newest outcome: about five attempts. */
const RELIABILITY_ALPHA = 0.2
/**
 * Bad outcomes count half after this time. Otherwise a peer that is no longer asked could never show that it has
 * recovered.
 */
const RECOVERY_HALF_LIFE_MS = 60_000
/** Slow start: a new or returning peer reaches its full share in this time. */
const WARM_UP_MS = 30_000
const MIN_WARMTH = 0.1

/** What is known of one peer's conduct. A value: each event makes a new one. */
export interface Conduct {
  /** In a row. */
  readonly failures: number
  readonly suspectUntilMs: number
  /** Those that still count: each answer removes one. */
  readonly ejections: number
  /** Average of outcomes, 1 for an answer, 0 for a failure. */
  readonly reliability: number
  /** Of the newest outcome. */
  readonly outcomeMs: number
  /** Since when the peer is here, or back; in the future while it is suspect. */
  readonly warmSinceMs: number
  /** Times in a row that the path to it was lost. */
  readonly lostPaths: number
  /** The peer has begun an answer to us, or was found to be slow at it. */
  readonly measured: boolean
}

export function newcomer(nowMs: number): Conduct {
  const suspectUntilMs = Number.NEGATIVE_INFINITY
  return {
    failures: 0,
    suspectUntilMs,
    ejections: 0,
    reliability: 1,
    outcomeMs: nowMs,
    warmSinceMs: nowMs,
    lostPaths: 0,
    measured: false,
  }
}

export function afterFailure(before: Conduct, nowMs: number): Conduct {
  const failures = before.failures + 1
  const untilMs = nowMs + backoffMs(failures - 1, SUSPICION)
  return {
    ...before,
    failures,
    suspectUntilMs: Math.max(before.suspectUntilMs, untilMs),
    warmSinceMs: Math.max(before.warmSinceMs, untilMs),
    reliability: reliabilityOf(before, nowMs) * (1 - RELIABILITY_ALPHA),
    outcomeMs: nowMs,
  }
}

export function afterEjection(before: Conduct, untilMs: number): Conduct {
  return {
    ...before,
    ejections: before.ejections + 1,
    warmSinceMs: Math.max(before.warmSinceMs, untilMs),
  }
}

/** A complete answer clears earlier failures; a suspect peer returns now. */
export function afterAnswer(before: Conduct, nowMs: number): Conduct {
  return {
    failures: 0,
    suspectUntilMs: Number.NEGATIVE_INFINITY,
    ejections: Math.max(0, before.ejections - 1),
    reliability: 1 - (1 - reliabilityOf(before, nowMs)) * (1 - RELIABILITY_ALPHA),
    outcomeMs: nowMs,
    warmSinceMs: Math.min(before.warmSinceMs, nowMs),
    lostPaths: 0,
    measured: true,
  }
}

/** Its connection was lost: not a failure, but a reason to ask others first for a moment. */
export function afterLoss(before: Conduct, nowMs: number): Conduct {
  const untilMs = nowMs + SUSPICION.minMs
  return {
    ...before,
    suspectUntilMs: Math.max(before.suspectUntilMs, untilMs),
    warmSinceMs: Math.max(before.warmSinceMs, untilMs),
  }
}

/** Average of outcomes, weighted by how much they still count. */
export function reliabilityOf({ reliability, outcomeMs }: Conduct, nowMs: number): number {
  return 1 - (1 - reliability) * 2 ** ((outcomeMs - nowMs) / RECOVERY_HALF_LIFE_MS)
}

/** Slow start: max(0.10, t/window). */
export function warmthOf({ warmSinceMs }: Conduct, nowMs: number): number {
  return Math.min(1, Math.max(MIN_WARMTH, (nowMs - warmSinceMs) / WARM_UP_MS))
}

import type { AuditReport, Unrated, Verification } from '../../protocol/index.ts'

export type { AuditReport, Unrated, Verdict, Verification } from '../../protocol/index.ts'

/** @param unratable why no scorer was asked; absent if one was */
export function verificationOf(
  parts: readonly AuditReport[],
  unratable?: Unrated | undefined,
): Verification {
  const has = (outcome: AuditReport['outcome']): boolean =>
    parts.some((part) => part.outcome === outcome)
  if (has('failed')) return { status: 'failed', parts }
  if (has('suspect')) return { status: 'suspect', parts }
  const [unrated] = parts.flatMap((part) => whyUnrated(part) ?? [])
  // An answer that no scorer has rated never counts as passed.
  const why = unratable ?? unrated ?? (parts.length === 0 ? 'no-scorer' : undefined)
  return why === undefined ? { status: 'passed', parts } : { status: 'unverified', why, parts }
}

/** Merges the verifications of the parts of one call; undefined for an empty list. */
export function mergedVerification(all: readonly Verification[]): Verification | undefined {
  if (all.length === 0) return undefined
  const parts = all.flatMap((one) => one.parts)
  const [why] = all.flatMap((one) => one.why ?? [])
  return verificationOf(parts, why)
}

function whyUnrated({ outcome, asked, by, positions }: AuditReport): Unrated | undefined {
  if (outcome !== 'inconclusive') return undefined
  if (positions > 0 && positions < MIN_POSITIONS) return 'too-short'
  if (by.length === 0) return asked === 0 ? 'no-scorer' : 'no-answer'
  return 'unsettled'
}

/** Min tokens of an answer for a meaningful audit. */
export const MIN_POSITIONS = 8

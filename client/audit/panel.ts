import type { Verdict } from '../verify/index.ts'

/** Scorers of one part at most. */
export const MAX_SCORERS = 7
/**
 * By so many accusers more than acquitters a peer is found guilty, and the other way round. Where three of ten scorers
 * lie, so few are wrong (gambler's ruin: W. Feller, 1950): 1 in 1 + (7 ÷ 3)³ ≈ 14 of those that anybody accuses.
 */
const LEAD = 3

/** One that finds nothing is believed at once; an accusation is followed until one side leads. */
export function isSettled(verdicts: readonly Verdict[]): boolean {
  const accusing = verdicts.filter(accuses).length
  const others = verdicts.length - accusing
  if (accusing === 0) return others > 0
  return Math.abs(accusing - others) >= LEAD
}

/**
 * What they found. Guilty is whom one side leads against, or against whom all of those that there were, two at least,
 * agree; the mildest of the accusers is believed. What is not settled proves nothing.
 */
export function conclude(verdicts: readonly Verdict[]): Verdict {
  const accusing = verdicts.filter(accuses)
  const others = verdicts.filter((verdict) => !accuses(verdict))
  const [milder] = accusing.toSorted(
    (a, b) => a.hardMisses - b.hardMisses || a.logRatio - b.logRatio,
  )
  const [other] = others
  if (milder === undefined) return other ?? NO_VERDICT
  const lead = accusing.length - others.length
  if (lead >= LEAD || (other === undefined && lead > 1)) return milder
  if (other !== undefined && lead < 0) return other
  return { ...milder, outcome: 'inconclusive' }
}

/** Anything that counts against a peer, so that no single scorer can ruin it. */
export function accuses({ outcome, hardMisses, logRatio }: Verdict): boolean {
  return outcome === 'failed' || hardMisses > 0 || logRatio > 0
}

const NO_VERDICT: Verdict = {
  outcome: 'inconclusive',
  positions: 0,
  misses: 0,
  hardMisses: 0,
  meanMargin: 0,
  logRatio: 0,
}

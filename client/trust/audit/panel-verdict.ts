import type { Verdict } from '../../request/index.ts'
/** Scorers of one part at most. */
export const MAX_SCORERS = 11
/**
 * By so many accusers more than acquitters a peer is found guilty, and the other way round. Where three of ten scorers
 * slander it, 1 % of its audits are lost so (gambler's ruin: W. Feller, 1950) until the slanderers are known as such.
 */
const LEAD = 5

/**
 * An accusation is followed until one side leads; where nobody accuses, a few are believed.
 *
 * @param acquitters that are enough: one for a peer that is proven, two for a newcomer, whom an accomplice may cover
 */
export function isSettled(verdicts: readonly Verdict[], acquitters: 1 | 2): boolean {
  const accusing = verdicts.filter(accuses).length
  const others = verdicts.length - accusing
  if (accusing === 0) return others >= acquitters
  return Math.abs(accusing - others) >= LEAD
}

/**
 * What they found. Guilty is whom one side leads against, or against whom all of those that there were, two at least,
 * agree; the mildest of the accusers is believed. What is not settled proves nothing.
 *
 * @param verdicts one of each voice: of a network, or an operator
 * @param isComplete nobody is left to ask. @default true; without it only a lead convicts
 */
export function conclude(verdicts: readonly Verdict[], isComplete: boolean = true): Verdict {
  const accusing = verdicts.filter(accuses)
  const others = verdicts.filter((verdict) => !accuses(verdict))
  const [milder] = accusing.toSorted(
    (a, b) => a.hardMisses - b.hardMisses || a.logRatio - b.logRatio,
  )
  const [other] = others
  if (milder === undefined) return other ?? inconclusive()
  const lead = accusing.length - others.length
  if (lead >= LEAD || (isComplete && other === undefined && lead > 1)) return milder
  if (other !== undefined && lead < 0) return other
  return { ...milder, outcome: 'inconclusive' }
}

/** Anything that counts against a peer, so that no single scorer can ruin it. */
function accuses({ outcome, hardMisses, logRatio }: Verdict): boolean {
  return outcome === 'failed' || hardMisses > 0 || logRatio > 0
}

export function inconclusive(): Verdict {
  return {
    outcome: 'inconclusive',
    positions: 0,
    misses: 0,
    hardMisses: 0,
    meanMargin: 0,
    logRatio: 0,
  }
}

import type { Verdict } from '../../request/index.ts'

/** Max scorers of one part. */
export const MAX_SCORERS = 11
/**
 * The lead of accusers over acquitters, or the reverse, that decides. If three of ten scorers slander, a peer loses 1 % of
 * its audits (gambler's ruin: W. Feller, 1950) until the slanderers are identified.
 */
const LEAD = 5

/**
 * Whether enough scorers have voted: without an accusation, `acquitters` votes suffice; with one, one side must lead.
 *
 * @param acquitters one for a proven peer, two for a newcomer, because an accomplice may cover it
 */
export function isSettled(verdicts: readonly Verdict[], acquitters: 1 | 2): boolean {
  const accusing = verdicts.filter(accuses).length
  const others = verdicts.length - accusing
  if (accusing === 0) return others >= acquitters
  return Math.abs(accusing - others) >= LEAD
}

/**
 * The verdict of a panel. Accusers prevail if they lead by five, or if all scorers, at least two, agree; the mildest
 * accusation counts. Anything unsettled is inconclusive.
 *
 * @param verdicts one for each network or operator
 * @param isComplete no scorer is left to ask; otherwise only a lead convicts. @default true
 */
export function panelVerdict(verdicts: readonly Verdict[], isComplete: boolean = true): Verdict {
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

/** Anything that counts against a peer is an accusation, so that no single scorer can harm it. */
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

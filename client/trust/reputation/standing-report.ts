import { auditRate } from '../verify/index.ts'
import { isProven, isQuarantined, type PeerStanding, reputationOf } from './peer-standing.ts'

/** One standing in readable form. */
export interface StandingReport {
  readonly peer: string
  /** Weights, quantization and template. */
  readonly spec: string
  readonly state: 'newcomer' | 'proven' | 'suspect' | 'quarantined'
  /** 0 … 1; 0.5 without evidence. */
  readonly quality: number
  readonly audits: number
  readonly consecutiveValid: number
  readonly strikes: number
  /** Share of its next answers that will be audited. */
  readonly auditRate: number
  /** Milliseconds since 1970; only if it is quarantined. */
  readonly quarantinedUntilMs?: number
  readonly words: string
}

export function reportOf(
  { peer, spec }: Pick<StandingReport, 'peer' | 'spec'>,
  known: PeerStanding,
  nowMs: number,
): StandingReport {
  const { audits, consecutiveValid, strikes, quarantinedUntilMs } = known
  const isOut = isQuarantined(known, nowMs)
  const state = isOut ? 'quarantined' : stateOf(known)
  return {
    peer,
    spec,
    state,
    audits,
    consecutiveValid,
    strikes,
    quality: reputationOf(known),
    auditRate: auditRate(consecutiveValid),
    ...(isOut && { quarantinedUntilMs }),
    words: wordsOf(known, state),
  }
}

function stateOf(known: PeerStanding): Exclude<StandingReport['state'], 'quarantined'> {
  if (known.strikes > 0) return 'suspect'
  return isProven(known) ? 'proven' : 'newcomer'
}

function wordsOf(known: PeerStanding, state: StandingReport['state']): string {
  const { audits, consecutiveValid, strikes, quarantines, quarantinedUntilMs } = known
  const passed = `${consecutiveValid} audits passed in a row, ${audits} in all`
  switch (state) {
    case 'newcomer':
      return `${passed}: too few to trust it, so it gets a newcomer's share of requests`
    case 'proven':
      return passed
    case 'suspect':
      return `${strikes} failed audits not yet forgiven; ${passed}`
    case 'quarantined':
      return `quarantined until ${new Date(quarantinedUntilMs).toISOString()} (quarantine number ${quarantines}): its answers did not match the weights that it advertises`
    default:
      return state satisfies never
  }
}

import { type AuditEvidence, MAX_STRIKES } from '../../client/trust/reputation/peer-standing.ts'
import { Reputation } from '../../client/trust/reputation/reputation.ts'
import { AUDIT_RATE_FLOOR } from '../../client/trust/verify/audit-rate.ts'
import { TOKEN_CORRELATION } from '../../client/trust/verify/sprt.ts'
import type { SimClientInit } from './defence.ts'

/** The shipped reputation without what a control run lacks. */
export class WeakenedReputation extends Reputation {
  readonly #init: Pick<SimClientInit, 'without' | 'answerTokens'>

  constructor(now: () => number, init: Pick<SimClientInit, 'without' | 'answerTokens'>) {
    super(now)
    this.#init = init
  }

  override auditRate(peer: string, spec: string): number {
    const rate = super.auditRate(peer, spec)
    return this.#init.without?.includes('first-audits') ? Math.min(AUDIT_RATE_FLOOR, rate) : rate
  }

  override audited(
    peer: string,
    spec: string,
    audit: AuditEvidence,
    networks: readonly string[] = [],
  ): void {
    const { without = [], answerTokens = 1 } = this.#init
    let { logRatio } = audit
    if (without.includes('sequential-test')) logRatio = 0
    if (without.includes('design-effect')) logRatio *= 1 + (answerTokens - 1) * TOKEN_CORRELATION
    const strikes =
      without.includes('three-strikes') && audit.outcome === 'failed' ? MAX_STRIKES : 1
    for (let n = 0; n < strikes; n += 1) {
      super.audited(peer, spec, { ...audit, logRatio }, networks)
    }
  }
}

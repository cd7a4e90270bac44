import type { Connection } from '@libp2p/interface'
import { isDue } from './admit.ts'
import type { AskMember } from './ask-member.ts'
import type { MemberExchangeInit } from './exchange-init.ts'

/** Pause between two tries to have the own certificate renewed. */
const RENEW_PAUSE_MS = 600_000

export interface RenewalInit
  extends Pick<MemberExchangeInit, 'membership' | 'onError' | 'signal' | 'wall'> {
  readonly ask: AskMember
  /** Milliseconds since 1970, by the peers' clocks if this machine's is off. */
  readonly now: () => number
  /** Connections to admins. */
  readonly admins: () => readonly Connection[]
}

/** Has this machine's certificate renewed by an admin before it expires. */
export class Renewal {
  readonly #init: RenewalInit
  #notBeforeMs = 0

  constructor(init: RenewalInit) {
    this.#init = init
  }

  /** Asks an admin if it is time and one is connected. */
  renewWhenDue(): void {
    const { membership, wall, now, admins, onError, signal } = this.#init
    const { certificate } = membership
    if (certificate.role === 'admin' || !isDue(certificate, now())) return
    const [admin] = admins()
    const nowMs = wall()
    if (admin === undefined || nowMs < this.#notBeforeMs) return
    this.#notBeforeMs = nowMs + RENEW_PAUSE_MS
    this.#renew(admin).catch((error: unknown) => {
      if (!signal.aborted) onError('renewing the certificate', error)
    })
  }

  async #renew(admin: Connection): Promise<void> {
    const { membership, ask } = this.#init
    const answer = await ask(admin, { type: 'renew' })
    if (answer.type === 'admission') await membership.adopt(answer.admission)
  }
}

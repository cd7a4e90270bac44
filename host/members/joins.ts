import type { Connection } from '@libp2p/interface'
import { equals } from 'uint8arrays/equals'
import {
  isJoinSigned,
  type JoinRequest,
  type MembershipAnswer,
  type MembershipRefusal,
} from '../../protocol/index.ts'
import { PeerRates } from '../peer-rates.ts'
import { admit } from './admit.ts'
import type { AskMember } from './ask-member.ts'
import type { MemberExchangeInit } from './exchange-init.ts'
import { MEMBERSHIP } from './limits.ts'

export interface JoinsInit extends Pick<MemberExchangeInit, 'membership' | 'ownerKey' | 'wall'> {
  readonly ask: AskMember
  /** Milliseconds since 1970, by the peers' clocks if this machine's is off. */
  readonly now: () => number
  /** Connections to admins. */
  readonly admins: () => readonly Connection[]
}

/** Answers requests to join, and passes those on that only an admin can answer. */
export class Joins {
  readonly #init: JoinsInit
  readonly #each = new PeerRates(MEMBERSHIP.joins)
  readonly #all = new PeerRates(MEMBERSHIP.allJoins)

  constructor(init: JoinsInit) {
    this.#init = init
  }

  /** @returns an admission, or the reason for a refusal */
  async answer(
    join: JoinRequest,
    { remotePeer }: Connection,
  ): Promise<MembershipAnswer | { readonly refused: MembershipRefusal }> {
    const { membership, ownerKey, wall, now } = this.#init
    const source = join.passedOn ? join.invite : remotePeer
    const nowMs = wall()
    if (!this.#each.take(source, nowMs) || !this.#all.take('all', nowMs)) return { refused: 'busy' }
    if (!equals(join.swarmId, membership.swarmId) || !(await isJoinSigned(join))) {
      return { refused: 'invite_unknown' }
    }
    // It may have been made a moment ago, by another process of this machine.
    if (membership.roster.invite(join.invite) === undefined) await membership.refresh()
    const result = await admit(membership, join, { ownerKey }, now())
    if ('admission' in result) return { type: 'admission', admission: result.admission }
    const isElsewhere = result.refused === 'no_issuer' || result.refused === 'invite_unknown'
    const passed = isElsewhere && !join.passedOn ? await this.#passOn(join) : undefined
    return passed ?? { refused: result.refused }
  }

  /** Asks connected admins in turn. The request is signed, so passing it on gives this member nothing. */
  async #passOn(join: JoinRequest): Promise<MembershipAnswer | undefined> {
    let last: MembershipAnswer | undefined
    for (const admin of this.#init.admins().slice(0, MEMBERSHIP.maxAdminsAsked)) {
      const question = { type: 'join', join: { ...join, passedOn: true } } as const
      const answer = await this.#init
        .ask(admin, question, MEMBERSHIP.passOnTimeoutMs)
        .catch(() => undefined)
      if (answer?.type === 'admission') return answer
      last = answer ?? last
    }
    return last
  }
}

import type { Connection, Stream } from '@libp2p/interface'
import {
  decodeMembershipQuestion,
  encodeMembershipAnswer,
  InferenceError,
  MAX_MEMBERSHIP_BYTES,
  type MemberHello,
  type MembershipAnswer,
  type MembershipQuestion,
  type MembershipRefusal,
} from '../../protocol/index.ts'
import { everyTogether } from '../../timing/index.ts'
import { answerOnce } from '../one-shot.ts'
import { OriginRates } from '../origin-rates.ts'
import { PeerRates } from '../peer-rates.ts'
import { renew } from './admit.ts'
import { type AskMember, createAskMember } from './ask-member.ts'
import type { MemberExchangeInit } from './exchange-init.ts'
import type { ProvedMember } from './gate.ts'
import { Joins } from './joins.ts'
import { MEMBERSHIP } from './limits.ts'
import { ListSpread } from './list-spread.ts'
import { refusalWords } from './refusal-words.ts'
import { RefusedHellos } from './refused-hellos.ts'
import { Renewal } from './renewal.ts'
import { repairLists } from './repair-lists.ts'
import type { Standing } from './standing.ts'
import { verifyHello } from './verify-hello.ts'

/** Proves membership on each connection, spreads the signed lists, and lets machines join. */
export class MemberExchange {
  readonly #init: MemberExchangeInit
  readonly #badge: Promise<Uint8Array>
  readonly #ask: AskMember
  readonly #lists: ListSpread
  readonly #joins: Joins
  readonly #renewal: Renewal
  readonly #hellos = new OriginRates(MEMBERSHIP.hellos)
  readonly #refused = new RefusedHellos()
  readonly #updates = new PeerRates(MEMBERSHIP.updates)
  readonly #reported = new Set<string>()

  constructor(init: MemberExchangeInit) {
    this.#init = init
    const ask = createAskMember(init)
    const now = (): number => this.#now()
    const admins = (): readonly Connection[] => this.#admins()
    this.#ask = ask
    this.#lists = new ListSpread({ ...init, ask })
    this.#joins = new Joins({ ...init, ask, now, admins })
    this.#renewal = new Renewal({ ...init, ask, now, admins })
    this.#badge = init.membership.badgeFor(init.libp2p.peerId)
    this.#badge.catch(() => undefined)
  }

  /** Follows connections and changes of the lists until the signal fires. */
  start(): void {
    const { libp2p, membership, signal, clock } = this.#init
    const onOpen = ({ detail }: CustomEvent<Connection>): void => {
      if (detail.direction === 'outbound') void this.#prove(detail)
    }
    libp2p.addEventListener('connection:open', onOpen)
    const unsubscribe = membership.onChange(() => this.#check())
    everyTogether(clock, MEMBERSHIP.checkIntervalMs, () => this.#check(), { signal })
    const stop = (): void => {
      libp2p.removeEventListener('connection:open', onOpen)
      unsubscribe()
    }
    signal.addEventListener('abort', stop, { once: true })
  }

  /**
   * Exchanges lists with all connected members, both ways.
   *
   * @returns how many members have them all then
   * @throws the signal's reason
   */
  spread(options: { readonly signal: AbortSignal }): Promise<number> {
    return this.#lists.spread(options)
  }

  /** Handles the membership protocol. Never rejects. */
  readonly handle = async (stream: Stream, connection: Connection): Promise<void> => {
    let refused: MembershipRefusal | undefined
    const bounds = {
      maxRequestBytes: MAX_MEMBERSHIP_BYTES,
      timeoutMs: MEMBERSHIP.exchangeTimeoutMs,
    }
    await answerOnce(stream, bounds, async (request) => {
      const question = decodeMembershipQuestion(request)
      const answer = await this.#answer(question, connection)
      if (question.type === 'hello' && answer.type === 'refused') refused = answer.reason
      return encodeMembershipAnswer(answer)
    })
    if (refused !== undefined) this.#init.gate.dismiss(connection, notAccepted(refused))
  }

  /** The time by this machine's clock, or by the peers' if they agree that it is off. */
  #now(): number {
    return this.#init.clocks.timeOfMajority() ?? this.#init.wall()
  }

  async #answer(question: MembershipQuestion, connection: Connection): Promise<MembershipAnswer> {
    const { gate, membership, ownerKey } = this.#init
    if (question.type === 'hello') return await this.#meet(question.hello, connection)
    if (question.type === 'join') {
      const answer = await this.#joins.answer(question.join, connection)
      return 'refused' in answer ? this.#refusal(answer.refused) : answer
    }
    // The dialled side may ask before this side has read its proof.
    const member =
      connection.direction === 'outbound'
        ? await gate.provedMember(connection)
        : gate.memberOf(connection)
    if (member === undefined) return this.#refusal('not_a_member')
    if (!this.#updates.take(connection.remotePeer, this.#init.wall())) return this.#refusal('busy')
    if (question.type === 'renew') {
      const admission = await renew(membership, member.certificate, { ownerKey }, this.#now())
      return admission === undefined ? this.#refusal('no_issuer') : { type: 'admission', admission }
    }
    const isSettled = await membership.take(question.lists, question.secret, this.#now())
    // The clock may not be right yet: the member offers the key again.
    return isSettled ? { type: 'updated' } : this.#refusal('busy')
  }

  /** The dialled side of the proof. */
  async #meet(hello: MemberHello, connection: Connection): Promise<MembershipAnswer> {
    const nowMs = this.#init.wall()
    const peer = connection.remotePeer
    if (!this.#hellos.take(connection, nowMs)) {
      return this.#refusal(this.#refused.reasonFor(peer, hello) ?? 'busy')
    }
    const refused = await this.#admitted(connection, hello, nowMs)
    if (refused !== undefined) {
      this.#refused.add(peer, hello, refused)
      return this.#refusal(refused)
    }
    return { type: 'hello', hello: await this.#hello() }
  }

  /** The dialling side of the proof. Never rejects. */
  async #prove(connection: Connection): Promise<void> {
    const { gate, wall } = this.#init
    try {
      const sentMs = wall()
      const answer = await this.#ask(connection, { type: 'hello', hello: await this.#hello() })
      if (answer.type === 'refused') {
        const words = refusalWords(answer.reason, wall() - answer.nowMs)
        this.#report(`a member does not accept this machine: ${words}`)
        throw new InferenceError('unauthorized', `not accepted as a member: ${words}`)
      }
      if (answer.type !== 'hello') throw new InferenceError('malformed', 'an unexpected answer')
      const refused = await this.#admitted(connection, answer.hello, sentMs)
      if (refused !== undefined) gate.refuse(connection, notAccepted(refused))
    } catch (error) {
      gate.refuse(connection, InferenceError.from(error, 'dial_failed'))
    }
  }

  /** Admits the peer if its proof holds. @returns why it does not */
  async #admitted(
    connection: Connection,
    hello: MemberHello,
    sentMs: number,
  ): Promise<MembershipRefusal | undefined> {
    const { gate, membership, clocks, onMember } = this.#init
    const { remotePeer, remoteAddr } = connection
    const verified = await verifyHello(membership.roster, remotePeer, hello, () => {
      clocks.heard(remotePeer, hello.nowMs, sentMs, [remoteAddr])
      return this.#now()
    })
    if ('refused' in verified) return verified.refused
    onMember(remotePeer, verified.member.certificate)
    gate.admit(connection, verified.member)
    this.#lists.met(connection, hello)
    this.#renewal.renewWhenDue()
    return undefined
  }

  /** After a change of the lists, and regularly, as certificates expire. */
  #check(): void {
    const { gate, libp2p, membership } = this.#init
    const nowMs = this.#now()
    for (const connection of libp2p.getConnections()) {
      const proved = gate.memberOf(connection)
      if (proved === undefined) continue
      const standing = this.#standingOf(proved, nowMs)
      if (standing.isMember) this.#follow(connection, proved)
      else gate.refuse(connection, notAccepted(standing.reason))
    }
    const own = membership.roster.standingOf(
      membership.certificate,
      nowMs,
      membership.issuerCertificate,
    )
    if (!own.isMember)
      this.#report(`this machine is no longer a member: ${refusalWords(own.reason, 0)}`)
    this.#renewal.renewWhenDue()
    repairLists(this.#init)
  }

  /** A member may have a new role, or a renewed certificate. */
  #follow(connection: Connection, proved: ProvedMember): void {
    const { gate, membership, onMember } = this.#init
    const { roster } = membership
    const listed = roster.certificateOf(proved.certificate.member)
    if (listed !== undefined && roster.standingOf(listed, this.#now()).isMember) {
      gate.admit(connection, { certificate: listed })
      if (listed.role !== proved.certificate.role) onMember(connection.remotePeer, listed)
    }
    void this.#lists.sync(connection)
  }

  #standingOf({ certificate, issuerCertificate }: ProvedMember, nowMs: number): Standing {
    const { roster } = this.#init.membership
    const standing = roster.standingOf(certificate, nowMs, issuerCertificate)
    const listed = roster.certificateOf(certificate.member)
    if (standing.isMember || listed === undefined) return standing
    return roster.standingOf(listed, nowMs)
  }

  #admins(): Connection[] {
    const { gate, libp2p } = this.#init
    return libp2p
      .getConnections()
      .filter((connection) => gate.memberOf(connection)?.certificate.role === 'admin')
  }

  async #hello(): Promise<MemberHello> {
    const { membership, wall } = this.#init
    return {
      swarmId: membership.swarmId,
      nowMs: wall(),
      certificate: membership.certificate.bytes,
      issuerCertificate: membership.issuerCertificate?.bytes ?? new Uint8Array(),
      badge: await this.#badge,
      heads: membership.roster.heads(),
      keyNumber: membership.keys.number(this.#now()),
    }
  }

  #refusal(reason: MembershipRefusal): MembershipAnswer {
    return { type: 'refused', reason, nowMs: this.#init.wall() }
  }

  /** Each message once. */
  #report(message: string): void {
    if (this.#reported.has(message)) return
    this.#reported.add(message)
    this.#init.onFault(message)
  }
}

function notAccepted(reason: MembershipRefusal): InferenceError {
  return new InferenceError('unauthorized', `the peer is not accepted: ${refusalWords(reason, 0)}`)
}

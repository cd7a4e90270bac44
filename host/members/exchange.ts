import type { Connection, Libp2p, PeerId, PrivateKey, Stream } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { equals } from 'uint8arrays/equals'
import {
  type Certificate,
  decodeMembershipAnswer,
  decodeMembershipQuestion,
  encodeMembershipAnswer,
  encodeMembershipQuestion,
  InferenceError,
  isJoinSigned,
  type JoinRequest,
  type ListHead,
  MAX_MEMBERSHIP_BYTES,
  type MemberHello,
  type MembershipAnswer,
  type MembershipQuestion,
  type MembershipRefusal,
  PROTOCOLS,
} from '../../protocol/index.ts'
import { type Clock, every, raceSignal } from '../../timing/index.ts'
import { answerOnce, askOnce } from '../one-shot.ts'
import { OriginRates } from '../origin-rates.ts'
import type { PeerClocks } from '../peer-clocks.ts'
import { PeerRates } from '../peer-rates.ts'
import { admit, isDue, renew } from './admit.ts'
import { fittingLists } from './fitting-lists.ts'
import type { MembershipGate, ProvedMember } from './gate.ts'
import { MEMBERSHIP } from './limits.ts'
import type { Membership } from './membership.ts'
import { publish } from './publish.ts'
import { refusalWords } from './refusal-words.ts'
import type { Standing } from './roster.ts'
import { verifyHello } from './verify-hello.ts'

/** Pause between two tries to have the own certificate renewed. */
const RENEW_PAUSE_MS = 600_000

export interface MemberExchangeInit {
  readonly membership: Membership
  readonly gate: MembershipGate
  readonly libp2p: Pick<
    Libp2p,
    'addEventListener' | 'getConnections' | 'peerId' | 'removeEventListener'
  >
  /** The owner's key, if it is on this machine. */
  readonly ownerKey?: PrivateKey | undefined
  readonly clocks: PeerClocks
  readonly clock: Clock
  /** Milliseconds since 1970 by this machine. */
  readonly wall: () => number
  readonly signal: AbortSignal
  /** Called when a peer has proved to be this member. */
  readonly onMember: (peer: PeerId, certificate: Certificate) => void
  readonly onError: (what: string, error: unknown) => void
  /** Receives a message for the operator. */
  readonly onFault: (message: string) => void
}

/** Proves membership on each connection, spreads the signed lists, and lets machines join. */
export class MemberExchange {
  readonly #init: MemberExchangeInit
  readonly #badge: Promise<Uint8Array>
  /** Numbers that the peer of a connection has. */
  readonly #heads = new WeakMap<Connection, readonly ListHead[]>()
  readonly #syncing = new WeakMap<Connection, Promise<void>>()
  readonly #hellos = new OriginRates(MEMBERSHIP.hellos)
  readonly #updates = new PeerRates(MEMBERSHIP.updates)
  readonly #joins = new PeerRates(MEMBERSHIP.joins)
  readonly #allJoins = new PeerRates(MEMBERSHIP.allJoins)
  readonly #told = new Set<string>()
  #renewAfterMs = 0

  constructor(init: MemberExchangeInit) {
    this.#init = init
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
    every(clock, MEMBERSHIP.checkIntervalMs, () => this.#check(), { signal })
    const stop = (): void => {
      libp2p.removeEventListener('connection:open', onOpen)
      unsubscribe()
    }
    signal.addEventListener('abort', stop, { once: true })
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
    if (question.type === 'join') return await this.#letJoin(question.join, connection)
    const member = gate.memberOf(connection)
    if (member === undefined) return this.#refusal('not_a_member')
    if (!this.#updates.take(connection.remotePeer, this.#init.wall())) return this.#refusal('busy')
    if (question.type === 'renew') {
      const admission = await renew(membership, member.certificate, { ownerKey }, this.#now())
      return admission === undefined ? this.#refusal('no_issuer') : { type: 'admission', admission }
    }
    await membership.take(question.lists)
    return { type: 'updated' }
  }

  /** The dialled side of the proof. */
  async #meet(hello: MemberHello, connection: Connection): Promise<MembershipAnswer> {
    const nowMs = this.#init.wall()
    if (!this.#hellos.take(connection, nowMs)) return this.#refusal('busy')
    const refused = await this.#admitted(connection, hello, nowMs)
    if (refused !== undefined) return this.#refusal(refused)
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
        this.#tell(`a member does not accept this machine: ${words}`)
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
    this.#heads.set(connection, hello.heads)
    onMember(remotePeer, verified.member.certificate)
    gate.admit(connection, verified.member)
    void this.#sync(connection)
    this.#renewWhenDue()
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
      this.#tell(`this machine is no longer a member: ${refusalWords(own.reason, 0)}`)
    this.#renewWhenDue()
    this.#repairLists()
  }

  /**
   * A list that another machine made with the same key, without knowing this machine's, may lack revocations: they are
   * published again.
   */
  #repairLists(): void {
    const { membership, ownerKey, wall, onError } = this.#init
    const { roster } = membership
    for (const key of [membership.memberKey, ownerKey]) {
      if (key === undefined) continue
      const id = peerIdFromPrivateKey(key)
      const listed = roster.listOf(id)?.revocations.length ?? 0
      if (roster.revocationsBy(id).length <= listed) continue
      membership
        .change(() => publish(membership, key, wall(), (entries) => entries))
        .catch((error: unknown) => onError('repairing the list of members', error))
    }
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
    void this.#sync(connection)
  }

  #standingOf({ certificate, issuerCertificate }: ProvedMember, nowMs: number): Standing {
    const { roster } = this.#init.membership
    const standing = roster.standingOf(certificate, nowMs, issuerCertificate)
    const listed = roster.certificateOf(certificate.member)
    if (standing.isMember || listed === undefined) return standing
    return roster.standingOf(listed, nowMs)
  }

  /**
   * Exchanges lists with all connected members, both ways.
   *
   * @returns how many members have them all then
   * @throws the signal's reason
   */
  async spread({ signal }: { readonly signal: AbortSignal }): Promise<number> {
    const { gate, libp2p, membership } = this.#init
    const proved = libp2p.getConnections().filter((each) => gate.memberOf(each) !== undefined)
    await raceSignal(Promise.all(proved.map((connection) => this.#sync(connection))), signal)
    await this.#caughtUp(proved, signal)
    const told = proved.filter(
      (each) => membership.roster.missing(this.#heads.get(each) ?? []).length === 0,
    )
    return new Set(told.map(({ remotePeer }) => remotePeer.toString())).size
  }

  /** Resolves once this machine has the lists that these peers had when they were met. */
  async #caughtUp(connections: readonly Connection[], signal: AbortSignal): Promise<void> {
    const { membership } = this.#init
    const heads = connections.flatMap((connection) => this.#heads.get(connection) ?? [])
    const { promise: caughtUp, resolve } = Promise.withResolvers<void>()
    const check = (): void => {
      if (!heads.some((head) => membership.roster.lacks(head))) resolve()
    }
    const unsubscribe = membership.onChange(check)
    try {
      check()
      await raceSignal(caughtUp, signal)
    } finally {
      unsubscribe()
    }
  }

  /** Hands the peer the lists that it lacks. Never rejects. */
  async #sync(connection: Connection): Promise<void> {
    const running = this.#syncing.get(connection)
    if (running !== undefined) return await running
    const syncing = this.#handOver(connection).finally(() => this.#syncing.delete(connection))
    this.#syncing.set(connection, syncing)
    await syncing
  }

  async #handOver(connection: Connection): Promise<void> {
    const { membership, onError, signal } = this.#init
    try {
      for (;;) {
        const heads = this.#heads.get(connection) ?? []
        const lists = fittingLists(membership.roster.missing(heads))
        if (lists.length === 0 || signal.aborted) return
        const bytes = lists.map((list) => list.bytes)
        const answer = await this.#ask(connection, { type: 'update', lists: bytes })
        if (answer.type !== 'updated') return
        this.#heads.set(connection, [
          ...heads.filter(({ issuer }) => !lists.some((list) => list.issuer.equals(issuer))),
          ...lists.map(({ issuer, number }) => ({ issuer, number })),
        ])
      }
    } catch (error) {
      if (connection.status === 'open' && !signal.aborted) onError('spreading the members', error)
    }
  }

  async #letJoin(join: JoinRequest, { remotePeer }: Connection): Promise<MembershipAnswer> {
    const { membership, ownerKey, wall } = this.#init
    const source = join.passedOn ? join.invite : remotePeer
    const nowMs = wall()
    if (!this.#joins.take(source, nowMs) || !this.#allJoins.take('all', nowMs)) {
      return this.#refusal('busy')
    }
    if (!equals(join.swarmId, membership.swarmId) || !(await isJoinSigned(join))) {
      return this.#refusal('invite_unknown')
    }
    // It may have been made a moment ago, by another process of this machine.
    if (membership.roster.invite(join.invite) === undefined) await membership.refresh()
    const result = await admit(membership, join, { ownerKey }, this.#now())
    if ('admission' in result) return { type: 'admission', admission: result.admission }
    const isElsewhere = result.refused === 'no_issuer' || result.refused === 'invite_unknown'
    const passed = isElsewhere && !join.passedOn ? await this.#passOn(join) : undefined
    return passed ?? this.#refusal(result.refused)
  }

  /** Asks connected admins in turn. The request is signed, so passing it on gives this member nothing. */
  async #passOn(join: JoinRequest): Promise<MembershipAnswer | undefined> {
    let last: MembershipAnswer | undefined
    for (const admin of this.#admins().slice(0, MEMBERSHIP.maxAdminsAsked)) {
      const question = { type: 'join', join: { ...join, passedOn: true } } as const
      const answer = await this.#ask(admin, question, MEMBERSHIP.passOnTimeoutMs).catch(
        () => undefined,
      )
      if (answer?.type === 'admission') return answer
      last = answer ?? last
    }
    return last
  }

  #renewWhenDue(): void {
    const { membership, wall, onError, signal } = this.#init
    const { certificate } = membership
    const [admin] = this.#admins()
    const nowMs = wall()
    if (certificate.role === 'admin' || !isDue(certificate, this.#now())) return
    if (admin === undefined || nowMs < this.#renewAfterMs) return
    this.#renewAfterMs = nowMs + RENEW_PAUSE_MS
    void (async () => {
      const answer = await this.#ask(admin, { type: 'renew' })
      if (answer.type === 'admission') await membership.adopt(answer.admission)
    })().catch((error: unknown) => {
      if (!signal.aborted) onError('renewing the certificate', error)
    })
  }

  #admins(): Connection[] {
    const { gate, libp2p } = this.#init
    return libp2p
      .getConnections()
      .filter((connection) => gate.memberOf(connection)?.certificate.role === 'admin')
  }

  async #ask(
    connection: Connection,
    question: MembershipQuestion,
    timeoutMs: number = MEMBERSHIP.exchangeTimeoutMs,
  ): Promise<MembershipAnswer> {
    const { gate, clock, signal } = this.#init
    const frame = await askOnce(
      {
        libp2p: {
          dialProtocol: (_, protocol, options) => gate.newStream(connection, protocol, options),
        },
        peer: connection.remotePeer,
        protocol: PROTOCOLS.membership,
        request: encodeMembershipQuestion(question),
        maxResponseBytes: MAX_MEMBERSHIP_BYTES,
        timeoutMs,
        clock,
      },
      { signal },
    )
    return decodeMembershipAnswer(frame)
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
    }
  }

  #refusal(reason: MembershipRefusal): MembershipAnswer {
    return { type: 'refused', reason, nowMs: this.#init.wall() }
  }

  /** Each message once. */
  #tell(message: string): void {
    if (this.#told.has(message)) return
    this.#told.add(message)
    this.#init.onFault(message)
  }
}

function notAccepted(reason: MembershipRefusal): InferenceError {
  return new InferenceError('unauthorized', `the peer is not accepted: ${refusalWords(reason, 0)}`)
}

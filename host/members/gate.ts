import type { Connection, NewStreamOptions, Stream, StreamMiddleware } from '@libp2p/interface'
import type { Registrar } from '@libp2p/interface-internal'
import { type Certificate, InferenceError, PROTOCOLS } from '../../protocol/index.ts'
import { type Clock, raceSignal } from '../../timing/index.ts'
import { MEMBERSHIP } from './limits.ts'

/** Parts of libp2p that the gate wraps. */
export interface GateComponents {
  readonly registrar: Registrar
  readonly events: {
    addEventListener(
      type: 'connection:open',
      listener: (event: CustomEvent<Connection>) => void,
    ): void
  }
}

/** A peer that has proved to be a member. */
export interface ProvedMember {
  readonly certificate: Certificate
  /** Of the admin that issued it, as the peer presented it. */
  readonly issuerCertificate?: Certificate | undefined
}

interface Passage {
  readonly proof: Promise<void>
  readonly pass: () => void
  readonly fail: (error: Error) => void
  readonly deadline: Disposable
  /** Opens a stream without waiting for the proof. */
  readonly newStream: Connection['newStream']
  held: number
  member?: ProvedMember
  /** Why no stream passes any more. */
  refusal?: Error
}

/** Protocols that only members with the role of a node serve. */
const SERVED: ReadonlySet<string> = new Set([PROTOCOLS.inference, PROTOCOLS.keptInference])

/**
 * Lets no stream pass on a connection before both sides have proved their membership, whatever its protocol and transport:
 * the membership protocol itself is the only exception. Streams wait meanwhile; without a proof in time the connection is
 * closed.
 */
export class MembershipGate {
  readonly #clock: Clock
  readonly #passages = new WeakMap<Connection, Passage>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Wraps an instance. To be called before any other part of it sees connections. */
  attach({ registrar, events }: GateComponents): void {
    const middlewareOf = registrar.getMiddleware.bind(registrar)
    registrar.getMiddleware = (protocol) =>
      protocol === PROTOCOLS.membership
        ? middlewareOf(protocol)
        : [this.#middleware, ...middlewareOf(protocol)]
    events.addEventListener('connection:open', ({ detail }) => {
      this.#passageOf(detail)
    })
  }

  /** The peer at the other end, once proved. */
  memberOf(connection: Connection): ProvedMember | undefined {
    return this.#passages.get(connection)?.member
  }

  /** The peer at the other end, once the proof has succeeded or failed. */
  async provedMember(connection: Connection): Promise<ProvedMember | undefined> {
    await this.#passageOf(connection).proof.catch(() => undefined)
    return this.memberOf(connection)
  }

  /** Opens a stream of the membership protocol, which alone may precede the proof. */
  newStream(connection: Connection, protocol: string, options: NewStreamOptions): Promise<Stream> {
    return this.#passageOf(connection).newStream(protocol, options)
  }

  /** The peer has proved that it is this member. */
  admit(connection: Connection, member: ProvedMember): void {
    const passage = this.#passageOf(connection)
    if (passage.refusal !== undefined) return
    passage.member = member
    passage.deadline[Symbol.dispose]()
    passage.pass()
  }

  /** Closes the connection at once, with all its streams. */
  refuse(connection: Connection, error: Error): void {
    this.#shut(connection, error)
    connection.abort(error)
  }

  /** Lets no stream pass, and closes the connection within a second: what was said last, the reason, still arrives. */
  dismiss(connection: Connection, error: Error): void {
    this.#shut(connection, error)
    void connection.close().catch(() => connection.abort(error))
  }

  #shut(connection: Connection, error: Error): void {
    const passage = this.#passageOf(connection)
    delete passage.member
    passage.refusal = error
    passage.deadline[Symbol.dispose]()
    passage.fail(error)
  }

  #passageOf(connection: Connection): Passage {
    const known = this.#passages.get(connection)
    if (known !== undefined) return known
    const { promise: proof, resolve: pass, reject: fail } = Promise.withResolvers<void>()
    // Not every connection has a stream that waits.
    proof.catch(() => undefined)
    const deadline = this.#clock.after(
      MEMBERSHIP.proofTimeoutMs,
      () => this.refuse(connection, new InferenceError('stalled', 'no proof of membership')),
      { background: true },
    )
    const newStream = connection.newStream.bind(connection)
    const passage: Passage = { proof, pass, fail, deadline, newStream, held: 0 }
    this.#passages.set(connection, passage)
    connection.newStream = async (protocols, options = {}) => {
      await raceSignal(proof, options.signal)
      checkPassage(passage)
      this.#checkRole(passage, protocols)
      return await newStream(protocols, options)
    }
    connection.addEventListener(
      'close',
      () => {
        deadline[Symbol.dispose]()
        fail(new InferenceError('stream_reset', 'the connection was closed'))
      },
      { once: true },
    )
    return passage
  }

  readonly #middleware: StreamMiddleware = async (stream, connection, next) => {
    const passage = this.#passageOf(connection)
    if (passage.member === undefined) await this.#hold(passage)
    checkPassage(passage)
    next(stream, connection)
  }

  async #hold(passage: Passage): Promise<void> {
    if (passage.held >= MEMBERSHIP.maxHeldStreams) {
      throw new InferenceError('over_capacity', 'too many streams wait for a proof of membership')
    }
    passage.held += 1
    try {
      await passage.proof
    } finally {
      passage.held -= 1
    }
  }

  #checkRole({ member }: Passage, protocols: string | string[]): void {
    const certificate = member?.certificate
    if (certificate?.role !== 'client') return
    if (![protocols].flat().some((protocol) => SERVED.has(protocol))) return
    throw new InferenceError(
      'dial_failed',
      `${certificate.name} is a client of the swarm and may not serve`,
    )
  }
}

/** A proof that was given may have been taken back. @throws the reason */
function checkPassage({ refusal }: Passage): void {
  if (refusal !== undefined) throw refusal
}

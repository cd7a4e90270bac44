import type { Connection, IdentifyResult, Libp2p, Stream } from '@libp2p/interface'
import {
  decodeDirectPathOffer,
  encodeDirectPathAnswer,
  InferenceError,
  PROTOCOLS,
} from '../../protocol/index.ts'
import { type Clock, everyTogether } from '../../timing/index.ts'
import { isDirectPath } from '../direct-path-address.ts'
import { listenUntil } from '../listen-until.ts'
import { answerOnce } from '../one-shot.ts'
import { isRelayed } from '../relay/index.ts'
import { type Answered, type AttemptParts, answerDirectPath, offerDirectPath } from './attempt.ts'
import { Attempts } from './attempts.ts'
import { DIRECT_PATH } from './limits.ts'
import type { Link } from './link.ts'
import { linkOf } from './link-connection.ts'
import { OwnSightings } from './own-sightings.ts'
import { watchPath } from './watch-path.ts'

export interface DirectPathsInit
  extends Pick<AttemptParts, 'isTrusted' | 'log' | 'rtc' | 'upgrader'> {
  readonly libp2p: Pick<
    Libp2p,
    'addEventListener' | 'getConnections' | 'handle' | 'peerId' | 'removeEventListener'
  >
  /** Whether there are peers outside that cannot dial this host. */
  readonly needsPaths: () => boolean
  readonly clock: Clock
  /** From 0 to 1. */
  readonly random: () => number
  /** Fires when the host stops. */
  readonly signal: AbortSignal
}

/**
 * Opens direct paths by WebRTC to peers that are reached through relays: this host to those that it dialled, others to
 * this host. A direct path is a second connection to the peer, which libp2p prefers for new streams; the relayed one is
 * kept.
 */
export class DirectPaths {
  readonly #init: DirectPathsInit
  readonly #parts: AttemptParts
  readonly #attempts: Attempts
  /** Relayed connections that this host opened, to peers that speak the protocol. */
  readonly #relayed = new Set<Connection>()
  readonly #links = new Set<Link>()
  #lastFailure: string | undefined

  constructor(init: DirectPathsInit) {
    const { libp2p, isTrusted, clock, upgrader, rtc, log } = init
    const wall = (): number => clock.wall()
    this.#init = init
    this.#attempts = new Attempts(libp2p.peerId.toString())
    this.#parts = {
      ...{ libp2p, upgrader, rtc, isTrusted, wall, log },
      sightings: new OwnSightings({ libp2p, isTrusted, now: wall }),
      onLink: (link) => {
        this.#links.add(link)
        void link.ended.then(() => this.#links.delete(link))
      },
    }
  }

  /** Why the last attempt failed, if one did. */
  get lastFailure(): string | undefined {
    return this.#lastFailure
  }

  /** Begins to offer direct paths, and to take up those that are offered. */
  async start(): Promise<void> {
    const { libp2p, clock, random, signal } = this.#init
    const onIdentify = ({ detail }: CustomEvent<IdentifyResult>): void => {
      const { connection, protocols } = detail
      if (connection.direction !== 'outbound' || !isRelayed(connection.remoteAddr)) return
      if (!protocols.includes(PROTOCOLS.directPath) || connection.status !== 'open') return
      this.#relayed.add(connection)
      this.#consider(connection)
    }
    const onOpen = ({ detail: path }: CustomEvent<Connection>): void => {
      const link = linkOf(path)
      if (link === undefined) return
      const onProven = (): void => this.#attempts.proven(path.remotePeer.toString())
      watchPath(path, { libp2p, clock, link, onProven, signal })
    }
    const onClose = ({ detail: closed }: CustomEvent<Connection>): void => {
      this.#relayed.delete(closed)
      if (isDirectPath(closed.remoteAddr))
        this.#attempts.lost(closed.remotePeer.toString(), clock.now(), random())
    }
    listenUntil(signal, libp2p, {
      'peer:identify': onIdentify,
      'connection:open': onOpen,
      'connection:close': onClose,
    })
    const look = (): void => {
      for (const connection of this.#relayed) this.#consider(connection)
    }
    everyTogether(clock, DIRECT_PATH.lookMs, look, { signal })
    await libp2p.handle(
      PROTOCOLS.directPath,
      (stream, connection) => this.#onOffer(stream, connection),
      { maxInboundStreams: 1, maxOutboundStreams: 1 },
    )
  }

  /** Offers a direct path to the peer, unless there is one or no attempt is due. */
  #consider(relayed: Connection): void {
    const { needsPaths, clock } = this.#init
    const peer = relayed.remotePeer.toString()
    if (relayed.status !== 'open' || !needsPaths()) return
    if (!this.#hasRoomFor(relayed, DIRECT_PATH.maxOpen)) return
    if (this.#attempts.begin(peer, clock.now())) {
      void this.#conclude('own', peer, offerDirectPath(this.#parts, relayed, this.#init))
    }
  }

  #hasRoomFor({ remotePeer }: Connection, most: number): boolean {
    if (this.#links.size >= most) return false
    return !this.#init.libp2p
      .getConnections(remotePeer)
      .some(({ remoteAddr, status }) => status === 'open' && !isRelayed(remoteAddr))
  }

  async #onOffer(stream: Stream, connection: Connection): Promise<void> {
    const { clock, signal } = this.#init
    const { remotePeer } = connection
    let answered: Answered | undefined
    const answer = async (request: Uint8Array): Promise<Uint8Array> => {
      const offer = decodeDirectPathOffer(request)
      const most = DIRECT_PATH.maxOpen * DIRECT_PATH.offeredPart
      const isFit = isRelayed(connection.remoteAddr) && this.#hasRoomFor(connection, most)
      if (isFit && this.#attempts.beginOffered(remotePeer.toString(), clock.now())) {
        const answering = answerDirectPath(this.#parts, offer, remotePeer, { signal })
        const finished = answering.then((opening) => opening.finished)
        void this.#conclude('offered', remotePeer.toString(), finished)
        answered = await answering.catch(() => undefined)
      }
      return encodeDirectPathAnswer(answered?.side)
    }
    const bounds = { maxRequestBytes: DIRECT_PATH.maxMessageBytes, timeoutMs: DIRECT_PATH.openMs }
    await answerOnce(stream, bounds, answer)
    answered?.begin()
  }

  async #conclude(side: 'own' | 'offered', peer: string, attempt: Promise<unknown>): Promise<void> {
    const { clock, random, log, signal } = this.#init
    try {
      await attempt
    } catch (error) {
      this.#lastFailure = InferenceError.from(error, 'dial_failed').message
      if (!signal.aborted) log('no direct path to %s - %e', peer, error)
    } finally {
      this.#attempts.end(side, peer, clock.now(), random())
    }
  }
}

/** Open direct paths of a host. */
export function openDirectPaths(libp2p: Pick<Libp2p, 'getConnections'>): number {
  return libp2p
    .getConnections()
    .filter(({ remoteAddr, status }) => status === 'open' && isDirectPath(remoteAddr)).length
}

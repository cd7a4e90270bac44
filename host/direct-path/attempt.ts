import type { Connection, Libp2p, Logger, PeerId, Upgrader } from '@libp2p/interface'
import {
  type DirectPathSide,
  decodeDirectPathAnswer,
  encodeDirectPathOffer,
  InferenceError,
  openSighting,
  PROTOCOLS,
} from '../../protocol/index.ts'
import { openScope } from '../../timing/index.ts'
import { directPathAddress } from '../direct-path-address.ts'
import { askOnce } from '../one-shot.ts'
import { over } from '../reach/index.ts'
import { allowedCandidates, seenIps } from './candidates.ts'
import { DIRECT_PATH } from './limits.ts'
import { Link } from './link.ts'
import { LinkConnection } from './link-connection.ts'
import type { OwnSighting, OwnSightings } from './own-sightings.ts'
import type { Rtc } from './rtc.ts'
import type { LinkSide } from './session-description.ts'

/** What both sides of an attempt need. */
export interface AttemptParts {
  readonly libp2p: Pick<Libp2p, 'peerId'>
  readonly upgrader: Pick<Upgrader, 'upgradeInbound' | 'upgradeOutbound'>
  /** The native package; `undefined` where it cannot be loaded. */
  readonly rtc: () => Promise<Rtc | undefined>
  readonly sightings: Pick<OwnSightings, 'current'>
  /** Whether the operator named this peer. */
  readonly isTrusted: (peer: string) => boolean
  /** Milliseconds since 1970. */
  readonly wall: () => number
  /** Called with each link, before anything is sent over it. */
  readonly onLink: (link: Link) => void
  readonly log: Logger
}

interface Signalled {
  readonly signal: AbortSignal
}

/**
 * Opens a direct path to the peer at the other end of a relayed connection.
 *
 * @returns a connection whose handshake proved the peer, and that the path carries bytes both ways
 * @throws InferenceError `dial_failed` where there is no path, or the peer declines; what `askOnce` throws
 */
export async function offerDirectPath(
  parts: AttemptParts,
  relayed: Connection,
  { signal }: Signalled,
): Promise<Connection> {
  const peer = relayed.remotePeer
  using opening = openScope({ timeoutMs: DIRECT_PATH.openMs, onTimeout: noPath }, { owner: signal })
  const seen = await ownSightings(parts, opening)
  const link = await newLink(parts, seen)
  try {
    const own = ownSide(await link.describe('offer', opening), seen, parts)
    const answer = decodeDirectPathAnswer(
      await askOnce(
        {
          libp2p: over(relayed),
          peer,
          protocol: PROTOCOLS.directPath,
          request: encodeDirectPathOffer(own),
          maxResponseBytes: DIRECT_PATH.maxMessageBytes,
          timeoutMs: DIRECT_PATH.openMs,
        },
        opening,
      ),
    )
    if (answer === undefined) throw dialFailed('the peer declines')
    const { side, ips } = await checkedSide(answer, peer, parts)
    link.accept(side, 'answer')
    link.begin(side)
    const connection = await connectionOver(link, {
      peer,
      ips,
      direction: 'outbound',
      parts,
      opening,
    })
    using upgrading = openScope({ timeoutMs: DIRECT_PATH.upgradeMs }, { owner: signal })
    return await parts.upgrader.upgradeOutbound(connection, upgrading)
  } catch (error) {
    link.close()
    throw error
  }
}

/** The answer to an offer, and the rest of the attempt. */
export interface Answered {
  readonly side: DirectPathSide
  /** To be called once the peer has the answer. */
  readonly begin: () => void
  /** Resolves when the connection is open. Rejects where there is no path. */
  readonly finished: Promise<void>
}

/**
 * Takes up a peer's offer of a direct path.
 *
 * @throws InferenceError `dial_failed` where this host cannot
 */
export async function answerDirectPath(
  parts: AttemptParts,
  offer: DirectPathSide,
  peer: PeerId,
  { signal }: Signalled,
): Promise<Answered> {
  const opening = openScope({ timeoutMs: DIRECT_PATH.openMs, onTimeout: noPath }, { owner: signal })
  let link: Link | undefined
  const finish = async (open: Link, ips: ReadonlySet<string>): Promise<void> => {
    try {
      const connection = await connectionOver(open, {
        peer,
        ips,
        direction: 'inbound',
        parts,
        opening,
      })
      using upgrading = openScope({ timeoutMs: DIRECT_PATH.upgradeMs }, { owner: signal })
      await parts.upgrader.upgradeInbound(connection, upgrading)
    } catch (error) {
      open.close()
      throw error
    } finally {
      opening[Symbol.dispose]()
    }
  }
  try {
    const { side, ips } = await checkedSide(offer, peer, parts)
    const seen = await ownSightings(parts, opening)
    const opened = await newLink(parts, seen)
    link = opened
    opened.accept(side, 'offer')
    const own = ownSide(await opened.describe('answer', opening), seen, parts)
    return { side: own, begin: () => opened.begin(side), finished: finish(opened, ips) }
  } catch (error) {
    link?.close()
    opening[Symbol.dispose]()
    throw error
  }
}

async function ownSightings(
  { sightings }: AttemptParts,
  opening: Signalled,
): Promise<readonly OwnSighting[]> {
  const seen = await sightings.current(opening)
  if (seen.length === 0) throw dialFailed('no bootstrap peer tells where it sees this host')
  return seen
}

async function newLink({ rtc, onLink }: AttemptParts, seen: readonly OwnSighting[]): Promise<Link> {
  const loaded = await rtc()
  if (loaded === undefined) throw dialFailed('node-datachannel has no build for this machine')
  const link = new Link({ rtc: loaded, stun: seen.flatMap(({ stun }) => stun ?? []) })
  onLink(link)
  return link
}

/** This side as the peer will check it: no address of the LAN, and none that the peer would refuse. */
function ownSide(
  side: LinkSide,
  seen: readonly OwnSighting[],
  { libp2p, wall }: AttemptParts,
): DirectPathSide {
  const peer = libp2p.peerId.toMultihash().bytes
  // Its signers were chosen by trust.
  const ips = seenIps(seen, { peer, isTrusted: () => true, wallMs: wall() })
  const candidates = allowedCandidates(side.candidates, ips)
  if (candidates.length === 0) throw dialFailed('no STUN server answered')
  return { ...side, candidates, sightings: seen.map(({ envelope }) => envelope) }
}

/** A peer's side, with the candidates that may be used. @throws InferenceError `dial_failed` where no candidate is left */
async function checkedSide(
  { sightings, ...side }: DirectPathSide,
  peer: PeerId,
  { isTrusted, wall }: AttemptParts,
): Promise<{ readonly side: LinkSide; readonly ips: ReadonlySet<string> }> {
  const opened = await Promise.all(sightings.map((envelope) => openSighting(envelope)))
  const ips = seenIps(
    opened.map(({ signer, sighting }) => ({ signer: signer.toString(), sighting })),
    { peer: peer.toMultihash().bytes, isTrusted, wallMs: wall() },
  )
  const candidates = allowedCandidates(side.candidates, ips)
  if (candidates.length === 0)
    throw dialFailed('no bootstrap peer of this host has seen the peer where it says it is')
  return { side: { ...side, candidates }, ips }
}

interface OpenInit {
  readonly peer: PeerId
  readonly ips: ReadonlySet<string>
  readonly direction: 'inbound' | 'outbound'
  readonly parts: AttemptParts
  readonly opening: Signalled
}

async function connectionOver(link: Link, init: OpenInit): Promise<LinkConnection> {
  const { peer, ips, direction, parts, opening } = init
  const socket = await link.opened(opening)
  // ICE also takes sockets that packets came from.
  if (!ips.has(socket.ip)) throw dialFailed('the path leads to where the peer was not seen')
  const remoteAddr = directPathAddress(socket, peer.toString())
  return new LinkConnection({ link, remoteAddr, direction, log: parts.log.newScope(direction) })
}

function noPath(): InferenceError {
  return dialFailed(`no path opened in ${DIRECT_PATH.openMs} ms`)
}

function dialFailed(why: string): InferenceError {
  return new InferenceError('dial_failed', `no direct path: ${why}`)
}

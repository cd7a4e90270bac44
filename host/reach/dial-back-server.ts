import type { Connection, Stream } from '@libp2p/interface'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import {
  type DialBackOutcome,
  type DialBackTarget,
  decodeDialBackRequest,
  encodeDialBackNonce,
  encodeDialBackResponse,
  MAX_DIAL_BACK_REQUEST_BYTES,
  PROTOCOLS,
} from '../../protocol/index.ts'
import { openScope } from '../../timing/index.ts'
import { answerOnce, askOnce } from '../one-shot.ts'
import { PeerRates } from '../peer-rates.ts'
import { networkOf } from '../subnet.ts'
import { withoutPeer } from '../without-peer.ts'
import { mayDialBack } from './dial-back-rules.ts'
import { DIAL_BACK, MAX_NONCE_FRAME_BYTES } from './limits.ts'
import { over } from './over-connection.ts'

export interface DialBackServerInit {
  /** Opens a new connection to exactly this address, which ends in the peer id that has to answer. */
  readonly dial: (address: Multiaddr, options: { signal: AbortSignal }) => Promise<Connection>
  /** IP addresses of this machine. */
  readonly ownIps: () => ReadonlySet<string>
  readonly now: () => number
}

/** The dials, and the way of question and answer. */
const SERVE_TIMEOUT_MS = DIAL_BACK.dialTimeoutMs + 2_000

/** Answers on the dial-back protocol. The handler never throws: a peer's errors reset its stream. */
export function createDialBackServer(
  init: DialBackServerInit,
): (stream: Stream, connection: Connection) => Promise<void> {
  const peers = new PeerRates(DIAL_BACK.perPeer)
  const networks = new PeerRates(DIAL_BACK.perNetwork)
  const total = new PeerRates(DIAL_BACK.total)
  let serving = 0

  const mayServe = ({ remotePeer, remoteAddr }: Connection): boolean => {
    const nowMs = init.now()
    const network = networkOf(remoteAddr) ?? ''
    return (
      serving < DIAL_BACK.maxConcurrent &&
      peers.take(remotePeer, nowMs) &&
      networks.take(network, nowMs) &&
      total.take('all', nowMs)
    )
  }

  const outcomeOf = async (
    { address, nonce }: DialBackTarget,
    { remoteAddr, remotePeer }: Connection,
    signal: AbortSignal,
  ): Promise<DialBackOutcome> => {
    const asker = remotePeer.toString()
    if (!mayDialBack(address, remoteAddr, asker, init.ownIps())) return 'not_allowed'
    let opened: Connection
    try {
      opened = await init.dial(multiaddr(`${withoutPeer(address)}/p2p/${asker}`), { signal })
    } catch (error) {
      return signal.aborted ? 'timeout' : whyNot(error)
    }
    try {
      await sendNonce(opened, nonce, signal)
    } catch {
      // The requester was reached, but without the nonce it has no proof.
    }
    void opened.close().catch((error: Error) => opened.abort(error))
    return 'reached'
  }

  return (stream, connection) =>
    answerOnce(
      stream,
      { maxRequestBytes: MAX_DIAL_BACK_REQUEST_BYTES, timeoutMs: SERVE_TIMEOUT_MS },
      async (request) => {
        const targets = decodeDialBackRequest(request)
        if (!mayServe(connection)) return encodeDialBackResponse(targets.map(() => 'rate_limited'))
        using dialing = openScope({ timeoutMs: DIAL_BACK.dialTimeoutMs }, {})
        serving += 1
        try {
          return encodeDialBackResponse(
            await Promise.all(
              targets.map((target) => outcomeOf(target, connection, dialing.signal)),
            ),
          )
        } finally {
          serving -= 1
        }
      },
    )
}

function sendNonce(
  connection: Connection,
  nonce: Uint8Array,
  signal: AbortSignal,
): Promise<Uint8Array> {
  return askOnce(
    {
      libp2p: over(connection),
      peer: connection.remotePeer,
      protocol: PROTOCOLS.dialBackNonce,
      request: encodeDialBackNonce(nonce),
      maxResponseBytes: MAX_NONCE_FRAME_BYTES,
      timeoutMs: DIAL_BACK.dialTimeoutMs,
    },
    { signal },
  )
}

/** System errors for an unreachable network, as opposed to an answer from the target. */
const NO_WAY = new Set(['ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'EADDRNOTAVAIL'])
const CLOSED = new Set(['ECONNREFUSED', 'ECONNRESET'])

function whyNot(error: unknown): DialBackOutcome {
  const { code, name } = error as { readonly code?: string; readonly name?: string }
  if (code !== undefined && CLOSED.has(code)) return 'refused'
  if (code !== undefined && NO_WAY.has(code)) return 'timeout'
  return name === 'AbortError' || name === 'TimeoutError' ? 'timeout' : 'other_peer'
}

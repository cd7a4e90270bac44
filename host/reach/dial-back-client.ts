import { randomBytes } from 'node:crypto'
import type { Connection, Libp2p, Stream } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { toString as textOf } from 'uint8arrays/to-string'
import {
  DIAL_BACK_NONCE_BYTES,
  type DialBackOutcome,
  decodeDialBackNonce,
  decodeDialBackResponse,
  encodeDialBackRequest,
  PROTOCOLS,
} from '../../protocol/index.ts'
import { answerOnce, askOnce } from '../one-shot.ts'
import { DIAL_BACK, MAX_NONCE_FRAME_BYTES } from './limits.ts'
import { over } from './over-connection.ts'
import { publicIpOf } from './own-address.ts'

/** A peer's result for one address, and whether it proved the dial. */
export interface DialBackAnswer {
  readonly outcome: DialBackOutcome
  readonly proved: boolean
}

/** The asking side of dial-back. */
export interface DialBackClient {
  /**
   * Has the peer at the other end dial addresses of ours, all with the IP address that it sees us at.
   *
   * @returns one answer for each address, in order
   * @throws InferenceError `stalled`, `stream_reset`, `truncated`, `malformed`
   */
  ask(
    connection: Connection,
    addresses: readonly Multiaddr[],
    options: { readonly signal: AbortSignal },
  ): Promise<readonly DialBackAnswer[]>
  /** Takes the nonces that come back. For `libp2p.handle`. */
  readonly onNonce: (stream: Stream, connection: Connection) => Promise<void>
}

interface Pending {
  readonly peer: string
  /** Connections with the peer before it was asked: a nonce over one of them proves no dial. */
  readonly old: ReadonlySet<string>
  arrived: boolean
}

/** A response is one small number for each address. */
const MAX_RESPONSE_BYTES = 64

export function createDialBackClient(libp2p: Pick<Libp2p, 'getConnections'>): DialBackClient {
  const pending = new Map<string, Pending>()

  return {
    async ask(connection, addresses, { signal }) {
      const { remotePeer } = connection
      const old = new Set(libp2p.getConnections(remotePeer).map(({ id }) => id))
      const targets = addresses.map((address) => ({
        address,
        nonce: new Uint8Array(randomBytes(DIAL_BACK_NONCE_BYTES)),
      }))
      const waiting = targets.map(({ nonce }) => {
        const entry: Pending = { peer: remotePeer.toString(), old, arrived: false }
        pending.set(textOf(nonce, 'hex'), entry)
        return entry
      })
      try {
        const response = await askOnce(
          {
            libp2p: over(connection),
            peer: remotePeer,
            protocol: PROTOCOLS.dialBack,
            request: encodeDialBackRequest(targets),
            maxResponseBytes: MAX_RESPONSE_BYTES,
            timeoutMs: DIAL_BACK.askTimeoutMs,
          },
          { signal },
        )
        const outcomes = decodeDialBackResponse(response, targets.length)
        return outcomes.map((outcome, index) => ({
          outcome,
          proved: waiting[index]?.arrived === true,
        }))
      } finally {
        for (const { nonce } of targets) pending.delete(textOf(nonce, 'hex'))
      }
    },

    onNonce: (stream, connection) =>
      answerOnce(
        stream,
        { maxRequestBytes: MAX_NONCE_FRAME_BYTES, timeoutMs: DIAL_BACK.dialTimeoutMs },
        (frame) => {
          const entry = pending.get(textOf(decodeDialBackNonce(frame), 'hex'))
          if (entry !== undefined && proves(entry, connection)) entry.arrived = true
          return frame
        },
      ),
  }
}

/** A nonce counts over a new connection that the peer opened from a public address, not through a relay. */
function proves({ peer, old }: Pending, connection: Connection): boolean {
  return (
    connection.direction === 'inbound' &&
    connection.remotePeer.toString() === peer &&
    !old.has(connection.id) &&
    publicIpOf(connection.remoteAddr) !== undefined
  )
}

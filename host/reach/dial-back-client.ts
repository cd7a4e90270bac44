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
  FrameWriter,
  InferenceError,
  PROTOCOLS,
  readFrames,
} from '../../protocol/index.ts'
import { closedWithin } from '../closed-within.ts'
import { createDeadline } from '../deadline.ts'
import { DIAL_BACK } from './limits.ts'
import { publicIpOf } from './own-address.ts'

/** What a peer says of one address, and whether it proved that it dialled there. */
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

const CLOSE_TIMEOUT_MS = 2_000
/** A nonce and the encoding around it. */
const MAX_NONCE_FRAME_BYTES = 64
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
        const outcomes = await exchange(connection, encodeDialBackRequest(targets), {
          signal,
          count: targets.length,
        })
        return outcomes.map((outcome, index) => ({
          outcome,
          proved: waiting[index]?.arrived === true,
        }))
      } finally {
        for (const { nonce } of targets) pending.delete(textOf(nonce, 'hex'))
      }
    },

    async onNonce(stream, connection) {
      const deadline = createDeadline(CLOSE_TIMEOUT_MS)
      const onDeadline = (): void => stream.abort(new InferenceError('stalled', 'no nonce'))
      deadline.signal.addEventListener('abort', onDeadline, { once: true })
      try {
        const bounds = {
          maxFrameBytes: MAX_NONCE_FRAME_BYTES,
          maxFrames: 1,
          maxTotalBytes: MAX_NONCE_FRAME_BYTES,
        }
        for await (const frame of readFrames(stream, bounds)) {
          const entry = pending.get(textOf(decodeDialBackNonce(frame), 'hex'))
          if (entry !== undefined && proves(entry, connection)) entry.arrived = true
          break
        }
        await stream.close({ signal: deadline.signal })
      } catch (error) {
        stream.abort(InferenceError.from(error))
      } finally {
        deadline.clear()
        deadline.signal.removeEventListener('abort', onDeadline)
      }
    },
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

async function exchange(
  connection: Connection,
  request: Uint8Array,
  options: { readonly signal: AbortSignal; readonly count: number },
): Promise<readonly DialBackOutcome[]> {
  const deadline = createDeadline(DIAL_BACK.askTimeoutMs, options.signal)
  const { signal } = deadline
  let stream: Stream | undefined
  const onAbort = (): void => stream?.abort(new InferenceError('stalled', 'gave up waiting'))
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    stream = await connection.newStream(PROTOCOLS.dialBack, { signal })
    const writer = new FrameWriter(stream)
    await writer.write(request, { signal })
    await writer.close({ signal })
    const bounds = {
      maxFrameBytes: MAX_RESPONSE_BYTES,
      maxFrames: 1,
      maxTotalBytes: MAX_RESPONSE_BYTES,
    }
    for await (const frame of readFrames(stream, bounds)) {
      await stream.closeRead()
      void closedWithin(stream, CLOSE_TIMEOUT_MS)
      return decodeDialBackResponse(frame, options.count)
    }
    throw new InferenceError('truncated', 'the peer ended without an answer')
  } catch (error) {
    options.signal.throwIfAborted()
    const failure = deadline.expired()
      ? new InferenceError('stalled', 'the peer took too long to dial back')
      : InferenceError.from(error, 'stream_reset')
    stream?.abort(failure)
    throw failure
  } finally {
    deadline.clear()
    signal.removeEventListener('abort', onAbort)
  }
}

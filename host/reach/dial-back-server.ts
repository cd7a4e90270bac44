import type { Connection, Stream } from '@libp2p/interface'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import {
  type DialBackOutcome,
  type DialBackTarget,
  decodeDialBackRequest,
  encodeDialBackNonce,
  encodeDialBackResponse,
  FrameWriter,
  InferenceError,
  MAX_DIAL_BACK_REQUEST_BYTES,
  PROTOCOLS,
  readFrames,
} from '../../protocol/index.ts'
import { closedWithin } from '../closed-within.ts'
import { createDeadline } from '../deadline.ts'
import { PeerRates } from '../peer-rates.ts'
import { subnetsOf } from '../subnet.ts'
import { mayDialBack } from './dial-back-rules.ts'
import { DIAL_BACK } from './limits.ts'
import { withoutPeer } from './own-address.ts'

export interface DialBackServerInit {
  /** Opens a new connection to exactly this address, which ends in the peer id that has to answer. */
  readonly dial: (address: Multiaddr, options: { signal: AbortSignal }) => Promise<Connection>
  /** IP addresses of this machine. */
  readonly ownIps: () => ReadonlySet<string>
  readonly now: () => number
}

/** Time for the asker to take the nonce and close. */
const CLOSE_TIMEOUT_MS = 2_000

/** Answers on the dial-back protocol. The handler never throws: what a peer does wrong resets its stream. */
export function createDialBackServer(
  init: DialBackServerInit,
): (stream: Stream, connection: Connection) => Promise<void> {
  const peers = new PeerRates(DIAL_BACK.perPeer)
  const networks = new PeerRates(DIAL_BACK.perNetwork)
  const total = new PeerRates(DIAL_BACK.total)
  let serving = 0

  const mayServe = ({ remotePeer, remoteAddr }: Connection): boolean => {
    const nowMs = init.now()
    const [network = ''] = subnetsOf([remoteAddr])
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
      // The asker was reached all the same; without the nonce it does not believe so.
    }
    void opened.close().catch((error: Error) => opened.abort(error))
    return 'reached'
  }

  return async (stream, connection) => {
    const deadline = createDeadline(DIAL_BACK.dialTimeoutMs + CLOSE_TIMEOUT_MS)
    const onDeadline = (): void => stream.abort(new InferenceError('stalled', 'took too long'))
    deadline.signal.addEventListener('abort', onDeadline, { once: true })
    const allowed = mayServe(connection)
    serving += 1
    try {
      const targets = await readRequest(stream)
      const dialing = createDeadline(DIAL_BACK.dialTimeoutMs, deadline.signal)
      const outcomes = await Promise.all(
        targets.map((target) =>
          allowed ? outcomeOf(target, connection, dialing.signal) : ('rate_limited' as const),
        ),
      ).finally(dialing.clear)
      const writer = new FrameWriter(stream)
      await writer.write(encodeDialBackResponse(outcomes), { signal: deadline.signal })
      const closed = closedWithin(stream, CLOSE_TIMEOUT_MS)
      await writer.close({ signal: deadline.signal })
      await closed
    } catch (error) {
      stream.abort(InferenceError.from(error))
    } finally {
      serving -= 1
      deadline.clear()
      deadline.signal.removeEventListener('abort', onDeadline)
    }
  }
}

async function readRequest(stream: Stream): Promise<readonly DialBackTarget[]> {
  const bounds = {
    maxFrameBytes: MAX_DIAL_BACK_REQUEST_BYTES,
    maxFrames: 1,
    maxTotalBytes: MAX_DIAL_BACK_REQUEST_BYTES,
  }
  for await (const frame of readFrames(stream, bounds)) {
    await stream.closeRead()
    return decodeDialBackRequest(frame)
  }
  throw new InferenceError('truncated', 'the peer asked nothing')
}

async function sendNonce(
  connection: Connection,
  nonce: Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  const stream = await connection.newStream(PROTOCOLS.dialBackNonce, { signal })
  try {
    const writer = new FrameWriter(stream)
    await writer.write(encodeDialBackNonce(nonce), { signal })
    const closed = closedWithin(stream, CLOSE_TIMEOUT_MS)
    await writer.close({ signal })
    await closed
  } catch (error) {
    stream.abort(InferenceError.from(error))
    throw error
  }
}

/** Errors of the system that say the packets found no way, rather than that something answered. */
const NO_WAY = new Set(['ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'EADDRNOTAVAIL'])
const CLOSED = new Set(['ECONNREFUSED', 'ECONNRESET'])

function whyNot(error: unknown): DialBackOutcome {
  const { code, name } = error as { readonly code?: string; readonly name?: string }
  if (code !== undefined && CLOSED.has(code)) return 'refused'
  if (code !== undefined && NO_WAY.has(code)) return 'timeout'
  return name === 'AbortError' || name === 'TimeoutError' ? 'timeout' : 'other_peer'
}

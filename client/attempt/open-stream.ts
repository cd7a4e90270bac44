import type { PeerId, Stream } from '@libp2p/interface'
import { InferenceError } from '../../protocol/index.ts'
import { diskFaultOf } from '../../storage/index.ts'
import { type Clock, openScope, raceSignal } from '../../timing/index.ts'

interface ConnectOptions {
  readonly signal: AbortSignal
  readonly maxOutboundStreams: number
  readonly runOnLimitedConnection: boolean
  /** Longest wait for the peer to confirm the protocol, if the stream is used before that. */
  readonly confirmWithinMs: number
  /** The peer lists the protocol in its advertisement: the stream may be used before it is confirmed. */
  readonly isAdvertised: boolean
}

/** The only host function that an attempt needs: libp2p's `dialProtocol`. */
export type Connect = (peerId: PeerId, protocol: string, options: ConnectOptions) => Promise<Stream>

/** A dial that ran out of time, as on a slow line or a busy machine: the next one may succeed. */
export class DialTimeout extends InferenceError {}

/** Concurrent streams to one peer; libp2p's default of 64 is too low for a gateway. */
const MAX_OUTBOUND_STREAMS = 1_024

/**
 * Opens a stream to a peer, and dials it if there is no connection yet.
 *
 * @throws InferenceError `dial_failed`; the signal's reason if it fired first
 */
export async function openStream(
  connect: Connect,
  peerId: PeerId,
  protocol: string,
  options: {
    readonly signal: AbortSignal
    readonly dialTimeoutMs: number
    readonly isAdvertised?: boolean
    readonly clock?: Clock | undefined
  },
): Promise<Stream> {
  const { signal, dialTimeoutMs, isAdvertised = false, clock } = options
  using scope = openScope(
    {
      timeoutMs: dialTimeoutMs,
      clock,
      onTimeout: () => new DialTimeout('dial_failed', `no connection in ${dialTimeoutMs} ms`),
    },
    { signal },
  )
  const opening = connect(peerId, protocol, {
    signal: scope.signal,
    maxOutboundStreams: MAX_OUTBOUND_STREAMS,
    runOnLimitedConnection: true,
    confirmWithinMs: dialTimeoutMs,
    isAdvertised,
  })
  try {
    return await raceSignal(opening, scope.signal)
  } catch (error) {
    // A transport may react late to the signal: the attempt does not wait, and aborts a stream that opens too late.
    void opening.then(
      (stream) => stream.abort(new InferenceError('cancelled', 'opened too late')),
      () => {},
    )
    if (signal.aborted) throw signal.reason
    if (scope.signal.aborted) throw scope.signal.reason
    throw dialFailure(error)
  }
}

function dialFailure(cause: unknown): InferenceError {
  const fault = diskFaultOf(cause)
  // A fault of this machine is no peer's fault, and the caller does not need its file paths.
  if (fault !== undefined) {
    return new InferenceError('internal', `a fault of this machine: ${fault.reason}`, { cause })
  }
  const why = cause instanceof Error ? cause.message : String(cause)
  return new InferenceError('dial_failed', `cannot reach the peer: ${why}`, { cause })
}

/** Whether the peer was reached and does not serve the protocol. */
export function isUnsupported(error: unknown): boolean {
  return (
    InferenceError.is(error, 'dial_failed') &&
    error.cause instanceof Error &&
    error.cause.name === 'UnsupportedProtocolError'
  )
}

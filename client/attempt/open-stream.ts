import type { PeerId, Stream } from '@libp2p/interface'
import { InferenceError } from '../../protocol/index.ts'
import { diskFaultOf } from '../../storage/index.ts'
import { type Clock, openScope, raceSignal } from '../../timing/index.ts'

interface ConnectOptions {
  readonly signal: AbortSignal
  readonly maxOutboundStreams: number
  readonly runOnLimitedConnection: boolean
}

/** The one thing that an attempt needs of a host: libp2p's `dialProtocol`. */
export type Connect = (peerId: PeerId, protocol: string, options: ConnectOptions) => Promise<Stream>

/** Streams to one peer at a time; libp2p's own default of 64 is too few for a gateway. */
const MAX_OUTBOUND_STREAMS = 1_024

/**
 * Opens a stream to a peer, dialling it where there is no connection yet.
 *
 * @throws InferenceError `dial_failed`; the signal's reason when it fired first.
 */
export async function openStream(
  connect: Connect,
  peerId: PeerId,
  protocol: string,
  options: {
    readonly signal: AbortSignal
    readonly dialTimeoutMs: number
    readonly clock?: Clock | undefined
  },
): Promise<Stream> {
  const { signal, dialTimeoutMs, clock } = options
  using scope = openScope(
    {
      timeoutMs: dialTimeoutMs,
      clock,
      onTimeout: () => new InferenceError('dial_failed', `no connection in ${dialTimeoutMs} ms`),
    },
    { signal },
  )
  const opening = connect(peerId, protocol, {
    signal: scope.signal,
    maxOutboundStreams: MAX_OUTBOUND_STREAMS,
    runOnLimitedConnection: true,
  })
  try {
    return await raceSignal(opening, scope.signal)
  } catch (error) {
    // A transport may be late to heed the signal: nobody waits for it, and what it opens is of no use.
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
  // No peer is to blame for this machine, and no caller needs its paths.
  if (fault !== undefined) {
    return new InferenceError('internal', `a fault of this machine: ${fault.reason}`, { cause })
  }
  const why = cause instanceof Error ? cause.message : String(cause)
  return new InferenceError('dial_failed', `cannot reach the peer: ${why}`, { cause })
}

import type { Connection, Libp2p, Stream, StreamMuxer } from '@libp2p/interface'
import { InferenceError } from '../../protocol/index.ts'
import { listenUntil } from '../listen-until.ts'
import { type OriginRate, OriginRates } from '../origin-rates.ts'

/**
 * Streams that peers may open and then reset, or that are refused because the peer has too many. They cost it next to
 * nothing, and this side a negotiation. Clients reset what they no longer want: an answer that another peer began
 * sooner, say.
 */
export const RESET_RATES: OriginRate = {
  perPeer: { burst: 4_000, perSecond: 400 },
  perNetwork: { burst: 8_000, perSecond: 800 },
}
/** Streams that peers may open at all: a client whose requests are refused opens one for each. */
export const STREAM_RATES: OriginRate = {
  perPeer: { burst: 20_000, perSecond: 2_000 },
  perNetwork: { burst: 80_000, perSecond: 8_000 },
}
/** How long a peer beyond the rate of resets opens no stream. */
const PAUSE_MS = 1_000
/** Refused streams of one connection after which it is closed: refusing costs work as well. */
const MAX_REFUSED = 4_000

/** The parts of `@libp2p/yamux` 8 that its interface leaves out. */
interface AcceptingMuxer extends StreamMuxer {
  onRemoteStream(stream: Stream): void
}

/** Resets streams beyond the rates before anything is negotiated on them, on all connections until the signal fires. */
export function boundNewStreams(
  libp2p: Pick<Libp2p, 'addEventListener' | 'removeEventListener'>,
  { signal, now }: { readonly signal: AbortSignal; readonly now: () => number },
): void {
  const resets = new OriginRates(RESET_RATES)
  const streams = new OriginRates(STREAM_RATES)
  const onOpen = ({ detail: connection }: CustomEvent<Connection>): void => {
    const { muxer } = connection as unknown as { readonly muxer?: AcceptingMuxer }
    if (muxer === undefined) return
    const accept = muxer.onRemoteStream.bind(muxer)
    let pausedUntilMs = Number.NEGATIVE_INFINITY
    let refused = 0
    muxer.onRemoteStream = (stream) => {
      if (now() >= pausedUntilMs && streams.take(connection, now())) {
        stream.addEventListener('close', ({ error, local }) => {
          const isReset = error !== undefined && (local !== true || isExcess(error))
          if (isReset && !resets.take(connection, now())) pausedUntilMs = now() + PAUSE_MS
        })
        accept(stream)
        return
      }
      refused += 1
      const failure = new InferenceError('rate_limited', 'too many new streams')
      stream.abort(failure)
      if (refused === MAX_REFUSED) connection.abort(failure)
    }
  }
  listenUntil(signal, libp2p, { 'connection:open': onOpen })
}

/** Whether a stream was refused because its peer has too many. */
function isExcess(error: Error): boolean {
  return InferenceError.is(error, 'rate_limited')
}

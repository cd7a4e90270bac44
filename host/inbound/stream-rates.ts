import type { Connection, Libp2p, Stream, StreamMuxer } from '@libp2p/interface'
import { InferenceError } from '../../protocol/index.ts'
import { type OriginRate, OriginRates } from '../origin-rates.ts'

/**
 * Streams that peers may open. A stream that is reset at once costs its opener next to nothing and the other side a
 * negotiation; a client whose streams carry one request after the other opens few.
 */
export const STREAM_RATES: OriginRate = {
  perPeer: { burst: 2_000, perSecond: 200 },
  perNetwork: { burst: 8_000, perSecond: 800 },
}
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
  const rates = new OriginRates(STREAM_RATES)
  const onOpen = ({ detail: connection }: CustomEvent<Connection>): void => {
    const { muxer } = connection as unknown as { readonly muxer?: AcceptingMuxer }
    if (muxer === undefined) return
    const accept = muxer.onRemoteStream.bind(muxer)
    let refused = 0
    muxer.onRemoteStream = (stream) => {
      if (rates.take(connection, now())) {
        accept(stream)
        return
      }
      refused += 1
      const failure = new InferenceError('rate_limited', 'too many new streams')
      stream.abort(failure)
      if (refused === MAX_REFUSED) connection.abort(failure)
    }
  }
  libp2p.addEventListener('connection:open', onOpen)
  const stop = (): void => libp2p.removeEventListener('connection:open', onOpen)
  signal.addEventListener('abort', stop, { once: true })
}

import type { Connection, Libp2p, PeerId, Stream } from '@libp2p/interface'
import { InferenceError, LIMITS, PROTOCOLS } from '../protocol/index.ts'
import type { OwnedBook } from './advertisement-book.ts'
import { answerOnce, askOnce } from './one-shot.ts'
import { PeerRates } from './peer-rates.ts'

/** A peer that takes longer learns of the change when it asks. */
const NOTICE_TIMEOUT_MS = 1_500
/** Peers that are told at a time. */
const CONCURRENCY = 32
/** From the first byte to the last. */
const SERVE_TIMEOUT_MS = 3_000
/** Of one peer: models come and go by hand. */
const RATE = { burst: 10, perSecond: 0.2 }
/** The answer says only that the notice arrived. */
const RECEIVED = Uint8Array.of(1)

/**
 * Tells connected peers of this host's new advertisement, as far as they speak the protocol. Those who do not, and those
 * who are not connected, see it when they ask. Never rejects.
 */
export async function notifyPeers(
  libp2p: Pick<Libp2p, 'dialProtocol' | 'getPeers'>,
  envelope: Uint8Array,
  options: { readonly signal: AbortSignal },
): Promise<void> {
  const queue = libp2p.getPeers()
  const tell = async (peer: PeerId): Promise<void> => {
    const question = {
      ...{ libp2p, peer, protocol: PROTOCOLS.notice, request: envelope },
      ...{ maxResponseBytes: RECEIVED.length, timeoutMs: NOTICE_TIMEOUT_MS },
    }
    await askOnce(question, options).catch(() => undefined)
  }
  const next = async (): Promise<void> => {
    for (let peer = queue.shift(); peer !== undefined; peer = queue.shift()) await tell(peer)
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, next))
}

/** Takes in what connected peers say of themselves. Of others they are not believed here. */
export function createNoticeServer(init: {
  readonly book: Pick<OwnedBook, 'take'>
  readonly now: () => number
}): (stream: Stream, connection: Connection) => Promise<void> {
  const rates = new PeerRates(RATE)
  return async (stream, { remotePeer }) => {
    if (!rates.take(remotePeer, init.now())) {
      stream.abort(new InferenceError('rate_limited', 'too many notices'))
      return
    }
    const bounds = { maxRequestBytes: LIMITS.maxAdvertisementBytes, timeoutMs: SERVE_TIMEOUT_MS }
    await answerOnce(stream, bounds, async (envelope) => {
      await init.book.take(envelope, { expectedSigner: remotePeer, source: remotePeer })
      return RECEIVED
    })
  }
}

import type { Connection, Libp2p, PeerId, Stream } from '@libp2p/interface'
import { InferenceError, LIMITS, PROTOCOLS } from '../protocol/index.ts'
import type { OwnedBook } from './advertisement-book.ts'
import { answerOnce, askOnce } from './one-shot.ts'
import { OriginRates } from './origin-rates.ts'
import type { PeerClocks } from './peer-clocks.ts'

/** Time limit of one push; a slower peer learns of the change when it asks. */
const NOTICE_TIMEOUT_MS = 1_500
/** Concurrent pushes. */
const CONCURRENCY = 32
/** From the first byte to the last. */
const SERVE_TIMEOUT_MS = 3_000
/** Notices: models change by hand. */
const RATE = {
  perPeer: { burst: 10, perSecond: 0.2 },
  perNetwork: { burst: 200, perSecond: 4 },
}
/** The answer only acknowledges the notice. */
const RECEIVED = Uint8Array.of(1)

/**
 * Pushes this host's new advertisement to connected peers that support the protocol. Others fetch it when they
 * ask. Never rejects.
 */
export async function notifyPeers(
  libp2p: Pick<Libp2p, 'dialProtocol' | 'getPeers'>,
  envelope: Uint8Array,
  options: { readonly signal: AbortSignal },
): Promise<void> {
  const queue = libp2p.getPeers()
  const notify = async (peer: PeerId): Promise<void> => {
    const question = {
      ...{ libp2p, peer, protocol: PROTOCOLS.notice, request: envelope },
      ...{ maxResponseBytes: RECEIVED.length, timeoutMs: NOTICE_TIMEOUT_MS },
    }
    await askOnce(question, options).catch(() => undefined)
  }
  const next = async (): Promise<void> => {
    for (let peer = queue.shift(); peer !== undefined; peer = queue.shift()) await notify(peer)
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, next))
}

/** Accepts connected peers' advertisements of themselves. Those of other peers are rejected here. */
export function createNoticeServer(init: {
  readonly book: Pick<OwnedBook, 'take'>
  readonly clocks: Pick<PeerClocks, 'timeOf'>
  readonly now: () => number
}): (stream: Stream, connection: Connection) => Promise<void> {
  const rates = new OriginRates(RATE)
  return async (stream, connection) => {
    const { remotePeer } = connection
    if (!rates.take(connection, init.now())) {
      stream.abort(new InferenceError('rate_limited', 'too many notices'))
      return
    }
    const bounds = { maxRequestBytes: LIMITS.maxAdvertisementBytes, timeoutMs: SERVE_TIMEOUT_MS }
    await answerOnce(stream, bounds, async (envelope) => {
      const signerNowMs = init.clocks.timeOf(remotePeer)
      const signer = { expectedSigner: remotePeer, source: remotePeer }
      await init.book.take(envelope, { ...signer, signerNowMs })
      return RECEIVED
    })
  }
}

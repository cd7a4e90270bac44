import type { Libp2p, PeerId, Stream } from '@libp2p/interface'
import {
  type Advertisement,
  type AdvertisementResponse,
  decodeAdvertisementResponse,
  encodeAdvertisementRequest,
  FrameWriter,
  InferenceError,
  LIMITS,
  PROTOCOLS,
  readFrames,
} from '../protocol/index.ts'
import { openScope } from '../timing/index.ts'
import type { OwnedBook } from './advertisement-book.ts'
import { closedWithin } from './closed-within.ts'
import type { AbortOptions } from './host.ts'

/** Dial, question and answer together. */
const FETCH_TIMEOUT_MS = 3_000
/** Time for the other side to close, for which nobody waits. */
const CLOSE_TIMEOUT_MS = 2_000

/** Asks a peer for its advertisement and takes in those it knows. Contract: `Host.fetchAdvertisement`. */
export async function fetchAdvertisement(
  init: { readonly libp2p: Pick<Libp2p, 'dialProtocol'>; readonly book: OwnedBook },
  peer: PeerId,
  options: AbortOptions & { readonly maxKnown: number },
): Promise<Advertisement | undefined> {
  options.signal?.throwIfAborted()
  using scope = openScope({ timeoutMs: FETCH_TIMEOUT_MS }, options)
  const giveUp = (error: unknown, fallback: 'dial_failed' | 'stream_reset'): unknown => {
    if (options.signal?.aborted === true) return options.signal.reason
    if (scope.expired()) return new InferenceError('stalled', 'the peer took too long to answer')
    return InferenceError.from(error, fallback)
  }
  let stream: Stream
  try {
    stream = await init.libp2p.dialProtocol(peer, PROTOCOLS.advertisement, {
      signal: scope.signal,
      runOnLimitedConnection: true,
    })
  } catch (error) {
    if ((error as Error).name === 'UnsupportedProtocolError') return undefined
    throw giveUp(error, 'dial_failed')
  }
  let response: AdvertisementResponse
  try {
    response = await ask(stream, options.maxKnown, scope.signal)
  } catch (error) {
    const failure = giveUp(error, 'stream_reset')
    stream.abort(failure instanceof Error ? failure : new Error('cancelled', { cause: failure }))
    throw failure
  }
  return await takeIn(init.book, peer, response)
}

async function ask(
  stream: Stream,
  maxKnown: number,
  signal: AbortSignal,
): Promise<AdvertisementResponse> {
  const onAbort = (): void => stream.abort(new InferenceError('stalled', 'gave up waiting'))
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    const writer = new FrameWriter(stream)
    await writer.write(encodeAdvertisementRequest(maxKnown), { signal })
    await writer.close({ signal })
    const bounds = { maxFrames: 1, maxTotalBytes: LIMITS.maxFrameBytes }
    for await (const frame of readFrames(stream, bounds)) {
      await stream.closeRead()
      void closedWithin(stream, CLOSE_TIMEOUT_MS)
      return decodeAdvertisementResponse(frame)
    }
    throw new InferenceError('truncated', 'the peer ended without an answer')
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

async function takeIn(
  book: OwnedBook,
  peer: PeerId,
  response: AdvertisementResponse,
): Promise<Advertisement | undefined> {
  const own =
    response.own.length === 0
      ? undefined
      : await book.take(response.own, { expectedSigner: peer, source: peer })
  for (const envelope of response.known) {
    // One bad one is no reason to lose the others; forging is what signatures make pointless.
    await book.take(envelope, { source: peer }).catch(() => undefined)
  }
  return own
}

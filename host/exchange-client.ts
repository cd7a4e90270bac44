import type { Libp2p, PeerId } from '@libp2p/interface'
import {
  type Advertisement,
  type AdvertisementResponse,
  decodeAdvertisementResponse,
  encodeAdvertisementRequest,
  InferenceError,
  LIMITS,
  PROTOCOLS,
} from '../protocol/index.ts'
import type { AbortOptions } from '../timing/index.ts'
import type { OwnedBook } from './advertisement-book.ts'
import { askOnce, type Dialer } from './one-shot.ts'
import type { PeerClocks } from './peer-clocks.ts'

/** Dial, question and answer together. */
const FETCH_TIMEOUT_MS = 3_000

/** Fetches a peer's advertisement and those it shares of others. Contract: `Host.fetchAdvertisement`. */
export async function fetchAdvertisement(
  init: {
    readonly libp2p: Dialer & Pick<Libp2p, 'getConnections'>
    readonly book: OwnedBook
    readonly clocks: PeerClocks
    readonly now: () => number
  },
  peer: PeerId,
  { maxKnown, ...options }: AbortOptions & { readonly maxKnown: number },
): Promise<Advertisement | undefined> {
  const question = {
    libp2p: init.libp2p,
    peer,
    protocol: PROTOCOLS.advertisement,
    request: encodeAdvertisementRequest(maxKnown),
    maxResponseBytes: LIMITS.maxFrameBytes,
    timeoutMs: FETCH_TIMEOUT_MS,
  }
  const sentMs = init.now()
  let frame: Uint8Array
  try {
    frame = await askOnce(question, options)
  } catch (error) {
    if (isUnsupported(error)) return undefined
    throw error
  }
  const response = decodeAdvertisementResponse(frame)
  if (response.nowMs !== undefined) {
    const addresses = init.libp2p.getConnections(peer).map(({ remoteAddr }) => remoteAddr)
    init.clocks.heard(peer, response.nowMs, sentMs, addresses)
  }
  return await takeIn(init, peer, response)
}

/** Whether the peer is reachable but does not support the protocol. */
function isUnsupported(error: unknown): boolean {
  return (
    InferenceError.is(error, 'dial_failed') &&
    error.cause instanceof Error &&
    error.cause.name === 'UnsupportedProtocolError'
  )
}

async function takeIn(
  { book, clocks }: { readonly book: OwnedBook; readonly clocks: PeerClocks },
  peer: PeerId,
  response: AdvertisementResponse,
): Promise<Advertisement | undefined> {
  const own =
    response.own.length === 0
      ? undefined
      : await book.take(response.own, {
          ...{ expectedSigner: peer, source: peer },
          signerNowMs: clocks.timeOf(peer),
        })
  for (const envelope of response.known) {
    // One invalid advertisement must not discard the others.
    await book
      .take(envelope, { source: peer, signerNowMs: clocks.timeOfMajority() })
      .catch(() => undefined)
  }
  return own
}

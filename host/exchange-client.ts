import type { Libp2p, PeerId } from '@libp2p/interface'
import {
  type Advertisement,
  type AdvertisementResponse,
  decodeAdvertisementResponse,
  encodeAdvertisementRequest,
  InferenceError,
  isExpired,
  LIMITS,
  PROTOCOLS,
} from '../protocol/index.ts'
import type { AbortOptions } from '../timing/index.ts'
import type { OwnedBook } from './advertisement-book.ts'
import { askOnce, type Dialer } from './one-shot.ts'
import { OFF_MS, type PeerClocks } from './peer-clocks.ts'

/** Dial, question and answer together. */
const FETCH_TIMEOUT_MS = 3_000

interface ExchangeInit {
  readonly libp2p: Dialer & Pick<Libp2p, 'getConnections'>
  readonly book: OwnedBook
  readonly clocks: PeerClocks
  readonly now: () => number
}

/** Fetches a peer's advertisement and those it shares of others. Contract: `Host.fetchAdvertisement`. */
export async function fetchAdvertisement(
  init: ExchangeInit,
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
  { book, clocks, now }: Pick<ExchangeInit, 'book' | 'clocks' | 'now'>,
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
  const nowMs = now()
  const byOwn = clocks.timeOfMajority() ?? nowMs
  const byPeer = clocks.timeOf(peer) ?? byOwn
  const times = Math.abs(byPeer - byOwn) > OFF_MS ? [byOwn, byPeer] : [byOwn]
  for (const envelope of response.known) await takeKnown(book, envelope, { peer, times, nowMs })
  return own
}

/**
 * Takes what a peer passes on if it is in force by any of these clocks: as long as there are too few peers to show whose
 * clock is off, either may be. It is hearsay, so that the peers that it names are met before they count.
 */
async function takeKnown(
  book: OwnedBook,
  envelope: Uint8Array,
  of: { readonly peer: PeerId; readonly times: readonly number[]; readonly nowMs: number },
): Promise<void> {
  for (const signerNowMs of of.times) {
    // One invalid advertisement must not discard the others.
    const taken = await book.take(envelope, { source: of.peer, signerNowMs }).catch(() => undefined)
    if (taken !== undefined && !isExpired(taken, of.nowMs)) return
  }
}

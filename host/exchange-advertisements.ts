import type { Libp2p, PeerId } from '@libp2p/interface'
import { type Advertisement, openAdvertisement, PROTOCOLS } from '../protocol/index.ts'
import { type AbortOptions, systemClock } from '../timing/index.ts'
import type { OwnedBook } from './advertisement-book.ts'
import { createNoticeServer, notifyPeers } from './advertisement-notice.ts'
import { refreshClocks } from './clock-refresh.ts'
import { MAX_KNOWN_ASKED, type NamedHostInit } from './defaults.ts'
import { fetchAdvertisement } from './exchange-client.ts'
import { exchangeOnConnect } from './exchange-on-connect.ts'
import { createExchangeServer } from './exchange-server.ts'
import type { Host } from './host.ts'
import type { PeerClocks } from './peer-clocks.ts'

export interface AdvertisementExchangeInit {
  readonly libp2p: Libp2p
  readonly init: NamedHostInit
  readonly book: OwnedBook
  readonly clocks: PeerClocks
  /** From 0 to 1. */
  readonly random: () => number
  /** Fires when the host stops. */
  readonly signal: AbortSignal
  /** A peer that connected gave no advertisement. */
  readonly onError: (peer: PeerId, error: unknown) => void
}

export interface AdvertisementExchange {
  /** The host's own advertisement; undefined before the first, and once it has expired. */
  own(): Advertisement | undefined
  /** Contract: `Host.offerAdvertisement`. */
  readonly offer: Host['offerAdvertisement']
  /** Contract: `Host.fetchAdvertisement`. */
  readonly fetch: Host['fetchAdvertisement']
}

const NONE = new Uint8Array()

/** Offers the host's own advertisement, and exchanges those of other peers with each peer that connects. */
export async function exchangeAdvertisements({
  libp2p,
  init,
  book,
  clocks,
  random,
  signal,
  onError,
}: AdvertisementExchangeInit): Promise<AdvertisementExchange> {
  const { now, peerExchange } = init
  let offered: { readonly envelope: Uint8Array; readonly opened: Advertisement } | undefined
  const valid = (): typeof offered =>
    offered !== undefined && offered.opened.expiresAtMs > now() ? offered : undefined
  const fetch = (
    peer: PeerId,
    options: AbortOptions = {},
    maxKnown: number = MAX_KNOWN_ASKED,
  ): Promise<Advertisement | undefined> =>
    fetchAdvertisement({ libp2p, book, clocks, now }, peer, {
      ...options,
      maxKnown: peerExchange ? maxKnown : 0,
    })

  const serve = createExchangeServer({
    own: () => valid()?.envelope ?? NONE,
    known: (asker) => (peerExchange ? [book.fresh(asker), book.hearsay(asker)] : []),
    ...{ random, now },
  })
  await libp2p.handle(PROTOCOLS.advertisement, serve, {
    maxInboundStreams: 4,
    maxOutboundStreams: 4,
    runOnLimitedConnection: true,
  })
  await libp2p.handle(PROTOCOLS.notice, createNoticeServer({ book, clocks, now }), {
    maxInboundStreams: 2,
    runOnLimitedConnection: true,
  })
  if (peerExchange) {
    exchangeOnConnect({
      ...{ libp2p, signal, now, onError },
      fetch: async (peer, fetchSignal) =>
        (await fetch(peer, { signal: fetchSignal })) !== undefined,
    })
    refreshClocks({
      ...{ clocks, signal, clock: systemClock },
      peers: () => libp2p.getPeers(),
      ask: (peer, options) => fetch(peer, options, 0),
    })
  }

  return {
    own: () => valid()?.opened,
    offer: async (envelope, options = {}) => {
      const opened = await openAdvertisement(envelope, {
        nowMs: now(),
        expectedSigner: libp2p.peerId,
      })
      offered = { envelope, opened }
      if (options.notify === true) await notifyPeers(libp2p, envelope, { signal })
    },
    fetch: (peer, options) => fetch(peer, options),
  }
}

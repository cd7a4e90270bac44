import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Connection, IdentifyResult, Libp2p, PeerId, Stream } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, it, vi } from 'vitest'
import type { OwnedBook } from '../../../host/advertisement-book.ts'
import { createNoticeServer } from '../../../host/advertisement-notice.ts'
import { exchangeOnConnect } from '../../../host/exchange-on-connect.ts'
import { createExchangeServer } from '../../../host/exchange-server.ts'
import { boundNewStreams, RESET_RATES, STREAM_RATES } from '../../../host/inbound/stream-rates.ts'
import { createNameLookup } from '../../../host/name-lookup.ts'
import { OriginRates } from '../../../host/origin-rates.ts'
import { type ProviderSearchInit, searchProviders } from '../../../host/provider-search.ts'
import { FrameWriter, InferenceError, modelKey, PROTOCOLS } from '../../../protocol/index.ts'
import { pairFor } from '../../../testing/swarms/pair-for.ts'

const createPeer = async (): Promise<PeerId> =>
  peerIdFromPrivateKey(await generateKeyPair('Ed25519'))

const stopping = new AbortController()
const { signal } = stopping

describe('the exchange on connecting', () => {
  it('asks a peer that sends identify again and again at a bounded rate', async () => {
    const peerId = await createPeer()
    const events = new EventTarget()
    let now = 0
    let visits = 0
    exchangeOnConnect({
      libp2p: Object.assign(events, { getConnections: () => [{}] }) as unknown as Libp2p,
      fetch: () => {
        visits += 1
        return Promise.resolve(true)
      },
      signal,
      now: () => now,
      onError: () => {},
    })
    const detail = { peerId, protocols: [PROTOCOLS.advertisement] } as unknown as IdentifyResult
    const push = async (times: number): Promise<void> => {
      for (let time = 0; time < times; time += 1) {
        events.dispatchEvent(new CustomEvent('peer:identify', { detail }))
        await new Promise((resolve) => setImmediate(resolve))
      }
    }
    await push(50)
    expect(visits).toBe(5)
    now = 10_000
    await push(50)
    expect(visits).toBe(6)
  })

  it.each([
    [
      'a peer that this host dialled at once, before it is identified, and then not again',
      'outbound',
    ],
    ['a peer that dialled this host once it is identified', 'inbound'],
  ])('asks %s', async (_, direction) => {
    const peerId = await createPeer()
    const events = new EventTarget()
    const connection = { direction }
    let visits = 0
    exchangeOnConnect({
      libp2p: Object.assign(events, {
        getConnections: () => [connection],
      }) as unknown as Libp2p,
      fetch: () => {
        visits += 1
        return Promise.resolve(true)
      },
      signal,
      now: () => 0,
      onError: () => {},
    })
    events.dispatchEvent(new CustomEvent('peer:connect', { detail: peerId }))
    await new Promise((resolve) => setImmediate(resolve))
    expect(visits).toBe(direction === 'outbound' ? 1 : 0)
    const detail = { peerId, connection, protocols: [PROTOCOLS.advertisement] }
    events.dispatchEvent(new CustomEvent('peer:identify', { detail }))
    await new Promise((resolve) => setImmediate(resolve))
    expect(visits).toBe(1)
  })
})

describe('a rate by origin', () => {
  const RATE = { perPeer: { burst: 3, perSecond: 1 }, perNetwork: { burst: 5, perSecond: 2 } }
  const origin = (peer: string, address: string) =>
    ({ remotePeer: peer, remoteAddr: multiaddr(address) }) as unknown as Connection

  it('holds each peer, and all peers of one public network together', () => {
    const rates = new OriginRates(RATE)
    const taken = (peer: string, address: string, times: number, nowMs = 0): number =>
      Array.from({ length: times }, () => rates.take(origin(peer, address), nowMs)).filter(Boolean)
        .length
    expect(taken('a', '/ip4/8.8.8.1/tcp/1', 10)).toBe(3)
    expect(taken('b', '/ip4/8.8.8.2/tcp/1', 10)).toBe(2)
    expect(taken('c', '/ip4/8.8.8.3/tcp/1', 10)).toBe(0)
    expect(taken('d', '/ip4/9.9.9.1/tcp/1', 10)).toBe(3)
    // Neighbours on a LAN have no network in common.
    expect(taken('e', '/ip4/192.168.1.2/tcp/1', 10)).toBe(3)
    expect(taken('f', '/ip4/192.168.1.3/tcp/1', 10)).toBe(3)
    expect(taken('g', '/ip4/8.8.8.4/tcp/1', 10, 1_000)).toBe(2)
  })
})

describe('streams that are opened and reset', () => {
  function opened() {
    const libp2p = new EventTarget()
    const stopping = new AbortController()
    let now = 0
    boundNewStreams(libp2p as unknown as Libp2p, { signal: stopping.signal, now: () => now })
    const seen = { accepted: 0, refused: 0, closed: 0 }
    const muxer = { onRemoteStream: (_: Stream): unknown => (seen.accepted += 1) }
    const detail = {
      ...{ muxer, remotePeer: 'a', remoteAddr: multiaddr('/ip4/8.8.8.8/tcp/1') },
      abort: () => (seen.closed += 1),
    }
    libp2p.dispatchEvent(new CustomEvent('connection:open', { detail }))
    /** Opens streams, each of which ends at once. @param error of the other side, unless it is local */
    const open = (count: number, error?: Error, local = false): void => {
      for (let n = 0; n < count; n += 1) {
        const stream = Object.assign(new EventTarget(), { abort: () => (seen.refused += 1) })
        muxer.onRemoteStream(stream as unknown as Stream)
        stream.dispatchEvent(Object.assign(new Event('close'), { error, local }))
      }
    }
    return { seen, open, pass: (ms: number) => (now += ms) }
  }
  const { burst, perSecond } = RESET_RATES.perPeer
  const reset = new Error('reset')

  it('are refused for a moment beyond a rate, before anything is negotiated on them', () => {
    const { seen, open, pass } = opened()
    open(burst + 100, reset)
    expect(seen).toEqual({ accepted: burst + 1, refused: 99, closed: 0 })
    pass(1_000)
    open(perSecond + 100, reset)
    expect(seen).toEqual({ accepted: burst + perSecond + 2, refused: 198, closed: 0 })
  })

  it('count like those that are refused because the peer has too many, and not like other failures of this side', () => {
    const { seen, open } = opened()
    open(burst + 100, new InferenceError('stalled', 'slow'), true)
    expect(seen.refused).toBe(0)
    open(burst + 100, new InferenceError('rate_limited', 'too many'), true)
    expect(seen.refused).toBe(99)
  })

  it('end the connection if they go on', () => {
    const { seen, open } = opened()
    open(20_000, reset)
    expect(seen.closed).toBe(1)
  })

  it('are not those that end in order, of which a client under overload has many', () => {
    const { seen, open } = opened()
    open(STREAM_RATES.perPeer.burst)
    expect(seen.refused).toBe(0)
    open(1)
    expect(seen.refused).toBe(1)
  })
})

describe.each([
  [
    'notices',
    (take: () => unknown) => {
      const book = { take: async () => take() } as unknown as OwnedBook
      return createNoticeServer({ book, clocks: { timeOf: () => undefined }, now: () => 0 })
    },
  ],
  [
    'questions for advertisements',
    (take: () => unknown) =>
      createExchangeServer({
        own: () => {
          take()
          return new Uint8Array()
        },
        ...{ known: () => [], random: () => 0, now: () => 0 },
      }),
  ],
])('a flood of %s', (_, serverOf) => {
  it('is bounded for a peer, and for a network of made-up ones', async () => {
    let answered = 0
    const serve = serverOf(() => (answered += 1))
    const ask = async (peer: string, host: number): Promise<void> => {
      const [near, far] = await pairFor('/question')
      const remoteAddr = multiaddr(`/ip4/8.8.8.${host}/tcp/1`)
      const served = serve(far, { remotePeer: peer, remoteAddr } as unknown as Connection)
      const writer = new FrameWriter(near)
      await writer.write(Uint8Array.of(8, 1)).catch(() => {})
      await writer.close().catch(() => {})
      near.abort(new Error('over'))
      await served
    }
    for (let n = 0; n < 30; n += 1) await ask('one', 1)
    expect(answered).toBeLessThanOrEqual(20)
    expect(answered).toBeGreaterThan(0)
    for (let n = 0; n < 450; n += 1) await ask(`made up ${n}`, 2)
    expect(answered).toBeLessThanOrEqual(400)
  })
})

describe('a search for providers', () => {
  const search = async (providers: { id: PeerId; multiaddrs: unknown[] }[]) => {
    const merged: number[] = []
    const init = {
      dht: {
        findProviders: async function* () {
          yield { name: 'PROVIDER', providers }
        },
      },
      self: await createPeer(),
      peerStore: {
        merge: (_: PeerId, { multiaddrs = [] }: { multiaddrs?: unknown[] }) =>
          Promise.resolve(merged.push(multiaddrs.length)),
      },
      table: { size: 1 },
      filling: () => undefined,
      signal,
    } as unknown as ProviderSearchInit
    let found = 0
    for await (const _ of searchProviders(init, await modelKey('m', 0), {})) found += 1
    return { found, merged }
  }

  it('keeps no more addresses of a provider than an advertisement may hold', async () => {
    const multiaddrs = Array.from({ length: 500 }, (_, port) =>
      multiaddr(`/ip4/8.8.8.8/tcp/${port + 1}`),
    )
    const { merged } = await search([{ id: await createPeer(), multiaddrs }])
    expect(merged).toEqual([16])
  })

  it('ends after as many providers as a host can remember', async () => {
    const made = Array.from({ length: 1_100 }, (_, at) => ({
      id: { toString: () => `peer ${at}`, equals: () => false } as unknown as PeerId,
      multiaddrs: [],
    }))
    expect(await search(made)).toMatchObject({ found: 1_024 })
  })
})

describe('the look-up of names', () => {
  it('queries the system for two at a time, however many a stranger sends and however slow they are', async () => {
    vi.useFakeTimers()
    try {
      const running: (() => void)[] = []
      const lookup = createNameLookup(Date.now, (name) => {
        const { promise, resolve } = Promise.withResolvers<{ address: string }[]>()
        running.push(() => resolve([{ address: name }]))
        return promise
      })
      const answers = Array.from({ length: 100 }, (_, at) => lookup(`${at}`, 0))
      expect(running).toHaveLength(2)
      // Two run, 64 wait, and the rest get an empty answer.
      expect(await answers[99]).toEqual([])
      running[0]?.()
      expect(await answers[0]).toEqual(['0'])
      await vi.advanceTimersByTimeAsync(2_000)
      expect(await Promise.all(answers.slice(1))).toEqual(Array(99).fill([]))
      expect(running).toHaveLength(3)
      for (const answer of running) answer()
      const next = lookup('next', 0)
      await vi.advanceTimersByTimeAsync(0)
      running.at(-1)?.()
      expect(await next).toEqual(['next'])
      expect(running).toHaveLength(4)
    } finally {
      vi.useRealTimers()
    }
  })
})

import type { Stream } from '@libp2p/interface'
import { describe, expect, it } from 'vitest'
import {
  type Advertisement,
  encodeAdvertisementRequest,
  encodeAdvertisementResponse,
  FrameWriter,
  isExpired,
  PROTOCOLS,
  readFrames,
} from '../../protocol/index.ts'
import { createSigner, seal } from '../unit/host/advertisement-maker.ts'
import { addressesOf, advertise, startHost, untilBook } from './host-peers.ts'

const BOUNDS = { maxFrames: 1, maxTotalBytes: 1 << 20 }

/** Answers the advertisement protocol as it likes. */
async function startLiar(answer: (stream: Stream) => Promise<void>) {
  const liar = await startHost({ peerExchange: false })
  await liar.libp2p.unhandle(PROTOCOLS.advertisement)
  await liar.libp2p.handle(PROTOCOLS.advertisement, (stream) =>
    answer(stream).catch(() => undefined),
  )
  return liar
}

const respond =
  (own: Uint8Array, known: Uint8Array[] = []) =>
  async (stream: Stream) => {
    const writer = new FrameWriter(stream)
    await writer.write(encodeAdvertisementResponse({ own, known }))
    await writer.close()
  }

describe('the advertisement exchange', () => {
  it('fetches a peer’s own advertisement and those it knows, and makes their signers dialable', async () => {
    const third = await startHost({ peerExchange: false })
    const node = await startHost({ peerExchange: true, bootstrap: addressesOf(third) })
    await advertise(third)
    await advertise(node)
    await node.connect(addressesOf(third)[0] ?? '')
    await node.fetchAdvertisement(third.peerId)
    const client = await startHost({ dht: 'client', peerExchange: false })
    expect(await client.connect(addressesOf(node)[0] ?? '')).toEqual(node.peerId)
    await client.fetchAdvertisement(node.peerId)
    expect(client.book.get(node.peerId)?.models[0]?.id).toBe('skein-tiny')
    // A host without the exchange does not request other peers' advertisements.
    expect(client.book.get(third.peerId)).toBeUndefined()

    const curious = await startHost({ dht: 'client' })
    await curious.connect(addressesOf(node)[0] ?? '')
    await untilBook(curious, (host) => host.book.get(third.peerId) !== undefined)
    await expect.poll(() => curious.libp2p.peerStore.has(third.peerId)).toBe(true)
    const connection = await curious.libp2p.dial(third.peerId)
    expect(connection.remotePeer).toEqual(third.peerId)
  })

  it('asks every peer that connects, without being told to', async () => {
    const node = await startHost()
    await advertise(node)
    const client = await startHost({ dht: 'client', bootstrap: addressesOf(node) })
    await untilBook(client, (host) => host.book.get(node.peerId) !== undefined)
  })

  it('finds whose clock is off, on both machines, and uses the advertisement all the same', async () => {
    const aheadMs = 2 * 3_600_000
    const now = (): number => Date.now() + aheadMs
    const boot = await startHost()
    const right = await startHost({ bootstrap: addressesOf(boot) })
    await advertise(right)
    const ahead = await startHost({ bootstrap: addressesOf(boot), now })
    await advertise(ahead, { issuedAtMs: now() - 60_000, expiresAtMs: now() + 600_000 })
    await ahead.fetchAdvertisement(boot.peerId)
    await ahead.connect(addressesOf(right)[0] ?? '')
    await ahead.fetchAdvertisement(right.peerId)
    expect(ahead.clock()).toMatchObject({ own: 'off', peers: 2, agreeing: 2, off: [] })
    expect(Math.round(ahead.clock().aheadMs / 60_000)).toBe(120)
    expect(isExpired(ahead.book.get(right.peerId) as Advertisement, now())).toBe(false)

    await right.fetchAdvertisement(boot.peerId)
    await right.fetchAdvertisement(ahead.peerId)
    expect(right.clock()).toMatchObject({ own: 'right', off: [{ peerId: String(ahead.peerId) }] })
    const known = right.book.get(ahead.peerId) as Advertisement
    expect(isExpired(known, Date.now())).toBe(false)
    expect(isExpired(known, Date.now() + 700_000)).toBe(true)
  })

  it.each([
    ['ahead', 3_600_000],
    ['behind', -3_600_000],
  ])('hears of nodes from its only peer with a clock an hour %s', async (_way, offMs) => {
    const boot = await startHost()
    const node = await startHost({ bootstrap: addressesOf(boot) })
    await advertise(node)
    await node.fetchAdvertisement(boot.peerId)
    await boot.fetchAdvertisement(node.peerId)
    const now = (): number => Date.now() + offMs
    const client = await startHost({ dht: 'client', bootstrap: addressesOf(boot), now })
    await client.fetchAdvertisement(boot.peerId)
    expect(client.clock().own).toBe('unclear')
    const heard = client.book.get(node.peerId)
    expect(heard !== undefined && !isExpired(heard, now())).toBe(true)
  })

  it('gives undefined for a peer that offers nothing, or whose offer has expired', async () => {
    const node = await startHost()
    const client = await startHost({ dht: 'client', bootstrap: addressesOf(node) })
    await client.joined()
    expect(await client.fetchAdvertisement(node.peerId)).toBeUndefined()
    const now = Date.now()
    await advertise(node, { issuedAtMs: now - 60_000, expiresAtMs: now - 1 })
    expect(await client.fetchAdvertisement(node.peerId)).toBeUndefined()
  })

  it('offers no other peer’s advertisement as its own', async () => {
    const node = await startHost()
    const other = await createSigner()
    const envelope = await seal(other, { issuedAtMs: Date.now() })
    await expect(node.offerAdvertisement(envelope)).rejects.toMatchObject({ code: 'malformed' })
  })

  it('refuses another peer’s advertisement given as the own one, and forged ones among the others', async () => {
    const victim = await createSigner()
    const honest = await createSigner()
    const ofVictim = await seal(victim, { issuedAtMs: Date.now() })
    const forged = ofVictim.slice()
    forged[80] = (forged[80] ?? 0) ^ 1
    const client = await startHost({ dht: 'client' })

    const thief = await startLiar(respond(ofVictim))
    await client.connect(addressesOf(thief)[0] ?? '')
    await expect(client.fetchAdvertisement(thief.peerId)).rejects.toMatchObject({
      code: 'malformed',
    })
    expect(client.book.get(thief.peerId)).toBeUndefined()

    const ofHonest = await seal(honest, { issuedAtMs: Date.now() })
    const expired = await seal(await createSigner(), { issuedAtMs: Date.now() - 7_200_000 })
    const forger = await startLiar(
      respond(new Uint8Array(), [forged, new Uint8Array(500), expired, ofHonest]),
    )
    await client.connect(addressesOf(forger)[0] ?? '')
    await client.fetchAdvertisement(forger.peerId)
    expect(client.book.all().map(({ peerId }) => peerId.toString())).toEqual([
      honest.peerId.toString(),
    ])
  })

  it('takes no replay of what a node has withdrawn', async () => {
    const node = await startHost()
    const offered = await advertise(node)
    const client = await startHost({
      dht: 'client',
      peerExchange: false,
      bootstrap: addressesOf(node),
    })
    await client.fetchAdvertisement(node.peerId)
    await advertise(node, { models: [], sequence: BigInt(Date.now() + 10) })
    await client.fetchAdvertisement(node.peerId)
    const replayer = await startLiar(respond(new Uint8Array(), [offered]))
    await client.connect(addressesOf(replayer)[0] ?? '')
    await client.fetchAdvertisement(replayer.peerId)
    expect(client.book.get(node.peerId)?.models).toEqual([])
  })

  it.each<[string, string, (stream: Stream) => Promise<void>]>([
    ['garbage', 'malformed', async (stream) => void stream.send(new Uint8Array(64).fill(255))],
    [
      'a huge length',
      'malformed',
      async (stream) => void stream.send(Uint8Array.of(255, 255, 255, 127)),
    ],
    [
      'an end inside a frame',
      'truncated',
      async (stream) => {
        stream.send(Uint8Array.of(100, 1, 2, 3))
        await stream.close()
      },
    ],
    ['an end without an answer', 'truncated', async (stream) => void (await stream.close())],
    ['a reset', 'stream_reset', async (stream) => stream.abort(new Error('no'))],
    ['silence', 'stalled', async () => undefined],
  ])('answers %s with %s', async (_, code, answer) => {
    const liar = await startLiar(answer)
    const client = await startHost({ dht: 'client', peerExchange: false })
    await client.connect(addressesOf(liar)[0] ?? '')
    await expect(client.fetchAdvertisement(liar.peerId)).rejects.toMatchObject({ code })
  })

  it('gives up when the caller does, with the caller’s reason', async () => {
    const liar = await startLiar(async () => undefined)
    const client = await startHost({ dht: 'client', peerExchange: false })
    await client.connect(addressesOf(liar)[0] ?? '')
    const reason = new Error('enough')
    const pending = client.fetchAdvertisement(liar.peerId, { signal: abortWith(reason) })
    await expect(pending).rejects.toBe(reason)
  })

  it('survives askers that send garbage, too much or a broken number, and then serves on', async () => {
    const node = await startHost()
    await advertise(node)
    const client = await startHost({
      dht: 'client',
      peerExchange: false,
      bootstrap: addressesOf(node),
    })
    await client.joined()
    for (const bytes of [
      new Uint8Array(100).fill(255),
      Uint8Array.of(255, 255, 3),
      new Uint8Array(66).fill(65),
    ]) {
      const stream = await client.libp2p.dialProtocol(node.peerId, PROTOCOLS.advertisement)
      stream.send(bytes)
      const answer = (async () => {
        for await (const _ of readFrames(stream, BOUNDS)) return 'served'
        return 'ended'
      })()
      await expect(answer).rejects.toMatchObject({ code: 'stream_reset' })
    }
    expect((await client.fetchAdvertisement(node.peerId))?.peerId).toEqual(node.peerId)
  })

  it('resets a peer that asks without end', async () => {
    const node = await startHost()
    const client = await startHost({
      dht: 'client',
      peerExchange: false,
      bootstrap: addressesOf(node),
    })
    await client.joined()
    const outcomes: string[] = []
    for (let turn = 0; turn < 40; turn += 1) {
      const stream = await client.libp2p.dialProtocol(node.peerId, PROTOCOLS.advertisement)
      const outcome = async (): Promise<string> => {
        await new FrameWriter(stream).write(encodeAdvertisementRequest(1))
        for await (const _ of readFrames(stream, BOUNDS)) return 'served'
        return 'ended'
      }
      outcomes.push(await outcome().catch((error: { code: string }) => error.code))
      await stream.close().catch(() => undefined)
    }
    expect(outcomes[0]).toBe('served')
    expect(outcomes).toContain('stream_reset')
  })
})

function abortWith(reason: Error): AbortSignal {
  const controller = new AbortController()
  setImmediate(() => controller.abort(reason))
  return controller.signal
}

import { afterEach, describe, expect, it } from 'vitest'
import { nodeKey } from '../../../../../protocol/index.ts'
import { answers, modelNamed, refuses } from '../../../../../testing/swarms/client-peers.ts'
import { FakeSwarm } from '../../../../../testing/swarms/fake-swarm.ts'
import { systemClock } from '../../../../../timing/index.ts'

const messages = [{ role: 'user', content: 'hi' }]
const request = { model: 'm', messages }
/** Peers alike, so that nothing but their number and order decides. */
const EQUAL = { advertisement: { prefillRate: 400 } }
const digest = `sha256:${'a'.repeat(64)}`

let swarm: FakeSwarm | undefined

afterEach(async () => {
  await swarm?.close()
  swarm = undefined
})

describe('the choice of peers to ask', () => {
  it('finds an unknown peer by a look-up', async () => {
    swarm = await FakeSwarm.create({ hidden: true })
    const peer = await swarm.add(answers('found'))
    expect((await swarm.requester.chat(request)).skein.peerId).toBe(peer.key)
  })

  it('finds among all nodes a peer that the model’s own records do not name', async () => {
    const nodes = await Promise.all([0, 1, 2, 3].map(async (shard) => String(await nodeKey(shard))))
    swarm = await FakeSwarm.create({ hidden: true, hasRecords: (key) => nodes.includes(key) })
    const peer = await swarm.add(answers('found'))
    expect((await swarm.requester.chat(request)).skein.peerId).toBe(peer.key)
  })

  it('knows a model by its alias, and by its name in any spelling', async () => {
    swarm = await FakeSwarm.create()
    await swarm.add(answers('a'), { models: [modelNamed('llama3.2:3b', { aliases: ['llama'] })] })
    for (const model of ['llama', ' Llama3.2:3b:latest ']) {
      await expect(swarm.requester.chat({ ...request, model })).resolves.toMatchObject({ model })
    }
  })

  it('does not ask a peer with an expired advertisement until it gives a new one', async () => {
    swarm = await FakeSwarm.create()
    const nowMs = swarm.clock.wall()
    const past = { issuedAtMs: nowMs - 10_000, expiresAtMs: nowMs - 1 }
    const expired = await swarm.add(answers('a'), { advertisement: past })
    const error: unknown = await swarm.requester.chat(request).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'no_peers' })
    expect(expired.streams).toHaveLength(0)
  })

  it('asks only those with the digest that the caller pins', async () => {
    swarm = await FakeSwarm.create()
    const other = await swarm.add(answers('a'), {
      models: [modelNamed('m', { digest: `sha256:${'b'.repeat(64)}` })],
    })
    await expect(swarm.requester.chat({ ...request, model: `m@${digest}` })).rejects.toMatchObject({
      code: 'model_not_found',
      message: expect.stringContaining(digest),
    })
    expect(other.streams).toHaveLength(0)
  })

  it('accepts no answer from weights other than the pinned ones, whatever was advertised', async () => {
    swarm = await FakeSwarm.create()
    await swarm.add(answers('a'), { models: [modelNamed('m', { digest })] })
    await expect(swarm.requester.chat({ ...request, model: `m@${digest}` })).rejects.toMatchObject({
      code: 'malformed',
    })
  })

  it('asks only peers that offer what the request needs, and reports what no peer offers', async () => {
    swarm = await FakeSwarm.create()
    const plain = await swarm.add(answers('a'))
    const tools = [{ type: 'function', function: { name: 'f' } }]
    await expect(swarm.requester.chat({ ...request, tools })).rejects.toMatchObject({
      code: 'capability_unavailable',
      details: { param: 'tools' },
    })
    await expect(swarm.requester.chat({ ...request, top_k: 5 })).rejects.toMatchObject({
      code: 'capability_unavailable',
      details: { param: 'top_k' },
    })
    expect(plain.streams).toHaveLength(0)
  })

  it('refuses token ids that fit no peer without asking one, and gives both numbers', async () => {
    swarm = await FakeSwarm.create()
    const short = await swarm.add(answers('a'), { models: [modelNamed('m', { contextLength: 8 })] })
    const prompt = Array.from({ length: 9 }, () => 1)
    await expect(swarm.requester.complete({ model: 'm', prompt })).rejects.toMatchObject({
      code: 'context_too_long',
      details: { promptTokens: 9, contextLength: 8 },
    })
    expect(short.streams).toHaveLength(0)
  })

  it('prefers a peer whose context is likely long enough', async () => {
    swarm = await FakeSwarm.create()
    await swarm.add(refuses('internal'), { models: [modelNamed('m', { contextLength: 10 })] })
    const long = await swarm.add(answers('a'))
    const answer = await swarm.requester.chat({
      ...request,
      messages: [{ role: 'user', content: 'word '.repeat(50) }],
    })
    expect(answer.skein.attempts.map(({ peerId }) => peerId)).toEqual([long.key])
  })

  it('looks up again only after a while, and not for each request', async () => {
    swarm = await FakeSwarm.create()
    await swarm.add(answers('a'))
    for (let i = 0; i < 5; i += 1) await swarm.requester.chat(request)
    // Two shards, and once the two others, because no new peer was found.
    expect(swarm.lookUps).toBeLessThanOrEqual(4)
  })

  it('leaves no listener on the book', async () => {
    swarm = await FakeSwarm.create({ hidden: true })
    await swarm.add(answers('a'))
    await swarm.requester.chat(request)
    await swarm.requester.chat({ ...request, model: 'other' }).catch(() => {})
    expect(swarm.listeners).toBe(0)
  })
})

describe('a request without a candidate', () => {
  it('lists the models that exist and the peers that serve them', async () => {
    swarm = await FakeSwarm.create({ hidden: true })
    const both = await swarm.add(answers('a'), { models: [modelNamed('x'), modelNamed('y')] })
    const one = await swarm.add(answers('a'), { models: [modelNamed('y')] })
    await expect(swarm.requester.chat(request)).rejects.toMatchObject({
      code: 'model_not_found',
      message: "no peer serves 'm'",
      details: {
        available: [
          { model: 'y', peers: 2, peerIds: expect.arrayContaining([both.key, one.key]) },
          { model: 'x', peers: 1, peerIds: [both.key] },
        ],
      },
    })
  })

  it('reports for each bootstrap peer why it did not help', async () => {
    swarm = await FakeSwarm.create({
      connectedPeers: 0,
      bootstrap: [
        { address: '/ip4/1.2.3.4/tcp/1', status: 'waiting', lastError: 'connection refused' },
        { address: '/ip4/1.2.3.5/tcp/1', status: 'dialing' },
      ],
    })
    await expect(swarm.requester.chat(request)).rejects.toMatchObject({
      code: 'no_peers',
      message: expect.stringMatching(
        /1\.2\.3\.4\/tcp\/1: connection refused; .*1\.2\.3\.5\/tcp\/1 has not answered yet/,
      ),
    })
  })

  it('reports that known peers are gone if none of them can be reached', async () => {
    swarm = await FakeSwarm.create({ connectedPeers: 0 })
    for (let i = 0; i < 2; i += 1) swarm.remove(await swarm.add(answers('a')))
    await expect(swarm.requester.chat(request)).rejects.toMatchObject({
      code: 'no_peers',
      message: expect.stringContaining("2 known to serve 'm', none can be reached"),
      details: { attempts: [{ outcome: 'dial_failed' }, { outcome: 'dial_failed' }] },
    })
  })
})

describe('the listings', () => {
  it('combine the peers that serve each model, with its digests', async () => {
    swarm = await FakeSwarm.create({ hidden: true })
    const first = await swarm.add(answers('a'), { models: [modelNamed('m', { digest })] })
    const second = await swarm.add(answers('a'), {
      models: [modelNamed('m', { contextLength: 9_999 })],
    })
    expect(await swarm.requester.models()).toEqual([
      expect.objectContaining({
        id: 'm',
        digests: [digest],
        contextLength: 9_999,
        peers: [first.key, second.key],
      }),
    ])
  })

  it('give each peer’s answer to a probe, or why it gave no answer', async () => {
    // Over an in-memory stream a round trip takes no virtual time.
    swarm = await FakeSwarm.create({ clock: systemClock })
    const up = await swarm.add(answers('a'))
    const down = await swarm.add(answers('a'))
    up.load = { ...up.load, state: 'saturated', inFlight: 4 }
    swarm.remove(down)
    const [first, second] = await swarm.requester.peers()
    expect(first).toMatchObject({
      peerId: up.key,
      models: ['m'],
      state: 'saturated',
      expired: false,
    })
    expect(first?.rttMs).toBeGreaterThan(0)
    expect(second).toMatchObject({ peerId: down.key, error: { code: 'dial_failed' } })
  })
})

describe('requests of a new client that begin together', () => {
  const REQUESTS = 12
  const together = async ({ requester }: FakeSwarm) =>
    await Promise.all(
      Array.from({ length: REQUESTS }, async () => (await requester.chat(request)).skein),
    )

  it('do not all go to the first peer that it meets', async () => {
    swarm = await FakeSwarm.create({ hidden: true })
    for (let n = 0; n < 6; n += 1) await swarm.add(answers('a'), EQUAL)
    const records = await together(swarm)
    expect(records.map(({ attempts }) => attempts.length)).toEqual(Array(REQUESTS).fill(1))
    const { slots } = swarm.peers[0]?.advertisement ?? { slots: 0 }
    for (const { streams } of swarm.peers) expect(streams.length).toBeLessThanOrEqual(slots)
  })

  it('go to the only peer there is', async () => {
    swarm = await FakeSwarm.create({ hidden: true })
    const only = await swarm.add(answers('a'), EQUAL)
    await together(swarm)
    expect(only.streams).toHaveLength(REQUESTS)
  })

  it('meet a peer known by hearsay when all that were met have no room, at no expense of the budget', async () => {
    swarm = await FakeSwarm.create()
    const full = [
      await swarm.add(refuses('over_capacity', { retryAfterMs: 60_000 }), EQUAL),
      await swarm.add(refuses('over_capacity', { retryAfterMs: 60_000 }), EQUAL),
    ]
    const heard = await swarm.add(answers('a'), EQUAL)
    swarm.tell(heard)
    // More than the ten retries of a new client's budget.
    const records = await together(swarm)
    expect(records.map(({ peerId }) => peerId)).toEqual(Array(REQUESTS).fill(heard.key))
    for (const { streams } of full) expect(streams.length).toBeLessThanOrEqual(REQUESTS)
  })
})

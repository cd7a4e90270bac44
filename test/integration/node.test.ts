import { afterEach, describe, expect, it, vi } from 'vitest'
import { type Backend, createScriptedBackend } from '../../backend/index.ts'
import { createBootstrap } from '../../bootstrap/index.ts'
import { createHost, type Host } from '../../host/index.ts'
import { Advertiser } from '../../node/advertise/index.ts'
import { createNode, type Node, type NodeInit } from '../../node/index.ts'
import {
  decodeProbeResponse,
  isExpired,
  LIMITS,
  modelKey,
  type NodeFrame,
  nodeKey,
  PROTOCOLS,
  readFrames,
} from '../../protocol/index.ts'
import { chatBody, collect, frames, textOf, upload } from '../../testing/swarms/node-harness.ts'

const listen = ['/ip4/127.0.0.1/tcp/0']
const open: AsyncDisposable[] = []

afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await thing[Symbol.asyncDispose]()
})

function keep<T extends AsyncDisposable>(thing: T): T {
  open.push(thing)
  return thing
}

/** A bootstrap peer, a node that joined through it, and a client that knows the bootstrap peer only. */
async function swarm(
  backend: Backend,
  init: Partial<NodeInit> = {},
): Promise<{ node: Node; client: Host }> {
  const { host } = keep(await createBootstrap({ listen }))
  const bootstrap = host.addresses().map(String)
  const node = keep(await createNode({ host: { listen, bootstrap }, backend, ...init }))
  const client = keep(
    await createHost({ dht: 'client', listen: [], bootstrap, peerExchange: false }),
  )
  await client.joined()
  return { node, client }
}

async function isProvided(client: Host, key: Awaited<ReturnType<typeof modelKey>>, node: Node) {
  const signal = AbortSignal.timeout(10_000)
  for await (const peer of client.findProviders(key, { signal })) {
    if (peer.equals(node.host.peerId)) return true
  }
  return false
}

const openStream = (client: Host, node: Node) =>
  client.libp2p.dialProtocol(node.host.peerId, PROTOCOLS.inference)

describe('a node in a swarm', () => {
  it('is found in the DHT once it is ready, tells what it serves, and answers', async () => {
    const backend = createScriptedBackend({ models: [{ id: 'Tiny:latest', aliases: ['small'] }] })
    const { node, client } = await swarm(backend, { operator: 'me', maxTokens: 500, slots: 2 })
    expect(node.state()).toBe('ready')
    for (const shard of [0, 1, 2, 3]) {
      expect(await isProvided(client, await modelKey('tiny', shard), node)).toBe(true)
    }
    expect(await isProvided(client, await modelKey('small', 0), node)).toBe(true)
    const listed = await Promise.all(
      [0, 1, 2, 3].map(async (shard) => isProvided(client, await nodeKey(shard), node)),
    )
    expect(listed.filter(Boolean)).toHaveLength(1)
    const advertisement = await client.fetchAdvertisement(node.host.peerId)
    expect(advertisement).toMatchObject({
      models: [{ id: 'tiny', aliases: ['small'], contextLength: 8192 }],
      slots: 2,
      maxTokens: 500,
      operator: 'me',
    })
    if (advertisement === undefined) throw new Error('no advertisement')
    expect(isExpired(advertisement, Date.now())).toBe(false)
    expect(advertisement.expiresAtMs - advertisement.issuedAtMs).toBeLessThan(
      LIMITS.maxAdvertisementAgeMs,
    )
    const stream = await openStream(client, node)
    await upload(stream, chatBody('Count from 1 to 5.'), { model: 'small' })
    const answer = await collect(stream)
    expect(textOf(answer)).toBe('1, 2, 3, 4, 5.')
    expect(answer.at(-1)?.type).toBe('done')
  })

  it('answers probes with its load of this moment', async () => {
    const gate = Promise.withResolvers<void>()
    const backend = createScriptedBackend({ slots: 2, script: () => ({ gate: gate.promise }) })
    const { node, client } = await swarm(backend)
    const busy = await openStream(client, node)
    await upload(busy, chatBody('Count from 1 to 2.'), { model: 'scripted' })
    for await (const frame of frames(busy)) if (frame.type === 'accepted') break
    const probe = await client.libp2p.dialProtocol(node.host.peerId, PROTOCOLS.probe)
    const loads = []
    for await (const frame of readFrames(probe, { maxFrames: 1, maxTotalBytes: 1_024 })) {
      loads.push(decodeProbeResponse(frame))
    }
    await probe.close()
    expect(loads).toEqual([
      { state: 'ready', inFlight: 1, slots: 2, queueDepth: 0, expectedTtftMs: 0 },
    ])
    gate.resolve()
    await backend.idle()
  })

  it('stops the engine when the client is gone with its connection', async () => {
    const backend = createScriptedBackend({ paceMs: 20 })
    const { node, client } = await swarm(backend)
    const stream = await openStream(client, node)
    await upload(stream, chatBody('Count from 1 to 500.'))
    for await (const frame of frames(stream)) if (frame.type === 'chunk') break
    await client[Symbol.asyncDispose]()
    await backend.idle()
    expect(backend.aborted).toBe(1)
    await vi.waitFor(() => expect(node.load()).toMatchObject({ inFlight: 0, state: 'ready' }), {
      timeout: 20_000,
    })
  })

  it('pauses the engine while the client does not read, and goes on when it does', async () => {
    const scripted = createScriptedBackend()
    let generated = 0
    const backend: Backend = {
      description: 'counts what the scripted engine generates',
      models: () => scripted.models(),
      load: () => scripted.load(),
      async *infer(request, options) {
        for await (const event of scripted.infer(request, options)) {
          generated += 1
          yield event
        }
      },
      [Symbol.asyncDispose]: () => scripted[Symbol.asyncDispose](),
    }
    const { node, client } = await swarm(backend)
    const stream = await openStream(client, node)
    // Twice as much as the windows of the stream take.
    const input = Array.from({ length: 400 }, (_, index) => `text ${index}`)
    const body = JSON.stringify({ model: 'scripted', input, dimensions: 1_024 })
    await upload(stream, new TextEncoder().encode(body), { kind: 'embedding' })
    const reader = frames(stream)
    const seqs: number[] = []
    let last: NodeFrame | undefined
    const read = async (): Promise<boolean> => {
      const { value } = await reader.next()
      if (value?.type === 'chunk') seqs.push(value.seq)
      last = value ?? last
      return value !== undefined
    }
    while (seqs.length === 0) await read()
    for (let turns = 0, before = 0; turns < 500; turns += 1) {
      await new Promise((resolve) => setImmediate(resolve))
      if (generated !== before) turns = 0
      before = generated
    }
    expect(generated).toBeLessThan(350)
    while (await read());
    expect(seqs).toEqual(input.map((_, index) => index))
    expect(last?.type).toBe('done')
    expect(scripted.calls[0]?.outcome).toBe('done')
  })

  it('withdraws at a drain, refuses new work, and finishes what runs', async () => {
    const gate = Promise.withResolvers<void>()
    const backend = createScriptedBackend({ script: () => ({ gate: gate.promise }) })
    const { node, client } = await swarm(backend)
    const before = await client.fetchAdvertisement(node.host.peerId)
    const running = await openStream(client, node)
    await upload(running, chatBody('Count from 1 to 5.'))
    const answer = collect(running)
    while (backend.active === 0) await new Promise((resolve) => setImmediate(resolve))

    const drained = node.drain()
    expect(node.state()).toBe('draining')
    const refused = await openStream(client, node)
    await upload(refused, chatBody('Count from 1 to 5.'))
    expect(await collect(refused)).toMatchObject([
      { type: 'failed', error: { code: 'draining' }, load: { state: 'draining' } },
    ])
    const after = await client.fetchAdvertisement(node.host.peerId)
    expect(after?.models).toEqual([])
    expect(after?.sequence).toBeGreaterThan(before?.sequence ?? 0n)

    gate.resolve()
    expect(textOf(await answer)).toBe('1, 2, 3, 4, 5.')
    await drained
    expect(node.host.libp2p.status).toBe('stopped')
    expect(backend.calls).toHaveLength(1)
  })

  it('ends running answers with a typed error when a drain is cut short', async () => {
    const backend = createScriptedBackend({ script: () => ({ fault: { type: 'stall' } }) })
    const { node, client } = await swarm(backend)
    const running = await openStream(client, node)
    await upload(running, chatBody('Count from 1 to 5.'))
    const answer = collect(running)
    while (backend.active === 0) await new Promise((resolve) => setImmediate(resolve))
    await node.drain({ signal: AbortSignal.abort() })
    expect((await answer).at(-1)).toMatchObject({ type: 'failed', error: { code: 'draining' } })
    expect(backend.active).toBe(0)
  })

  it('withdraws and leaves although its engine no longer reports health', async () => {
    const backend = createScriptedBackend()
    const load = vi.fn<Backend['load']>(() => backend.load())
    const hanging = Object.assign(Object.create(backend) as Backend, {
      load,
      models: () => backend.models(),
    })
    const node = keep(await createNode({ host: { listen }, backend: hanging }))
    load.mockImplementation(
      ({ signal } = {}) =>
        new Promise((_, reject) => {
          signal?.addEventListener('abort', () => reject(signal.reason))
        }),
    )
    await node.drain()
    expect(node.host.libp2p.status).toBe('stopped')
  })

  it('fails typed when the engine dies mid-answer, and serves again once it is back', async () => {
    const backend = createScriptedBackend({ paceMs: 5 })
    const { node, client } = await swarm(backend)
    const stream = await openStream(client, node)
    await upload(stream, chatBody('Count from 1 to 500.'))
    const types: string[] = []
    let code: string | undefined
    for await (const frame of frames(stream)) {
      if (types.push(frame.type) === 3) backend.kill()
      if (frame.type === 'failed') code = frame.error.code
    }
    expect(types[1]).toBe('chunk')
    expect(code).toBe('engine_failed')
    backend.revive()
    const again = await openStream(client, node)
    await upload(again, chatBody('Count from 1 to 3.'))
    expect(textOf(await collect(again))).toBe('1, 2, 3.')
  })

  it('starts a swarm of its own without any peer, and at once', async () => {
    const node = keep(await createNode({ host: { listen }, backend: createScriptedBackend() }))
    expect(node.state()).toBe('ready')
    expect(node.models().map(({ id }) => id)).toEqual(['scripted'])
    const client = keep(
      await createHost({ dht: 'client', listen: [], bootstrap: node.host.addresses().map(String) }),
    )
    await client.joined()
    expect((await client.fetchAdvertisement(node.host.peerId))?.models).toHaveLength(1)
  })

  it('shares only the named models', async () => {
    const backend = createScriptedBackend({ models: [{ id: 'given' }, { id: 'kept' }] })
    const { node, client } = await swarm(backend, { share: ['GIVEN'] })
    expect(node.models().map(({ id }) => id)).toEqual(['given'])
    const stream = await openStream(client, node)
    const sent = upload(stream, chatBody('hi'), { model: 'kept' }).catch(() => {})
    const answer = await collect(stream)
    expect(answer).toMatchObject([{ error: { code: 'model_not_found' } }])
    expect(answer[0]?.type === 'failed' && answer[0].error.message).not.toMatch(/but.*kept/)
    await sent
  })

  it('takes over other settings while an answer runs, which ends whole', async () => {
    const gate = Promise.withResolvers<void>()
    const backend = createScriptedBackend({
      models: [{ id: 'a' }, { id: 'b' }],
      script: () => ({ gate: gate.promise }),
    })
    const { node, client } = await swarm(backend, { share: ['a'] })
    const shared = (): string[] => node.models().map(({ id }) => id)
    const running = await openStream(client, node)
    await upload(running, chatBody('Count from 1 to 5.'), { model: 'a' })
    const answer = collect(running)
    while (backend.active === 0) await new Promise((resolve) => setImmediate(resolve))

    await expect(node.update({ share: ['a', 'c'] })).rejects.toMatchObject({
      code: 'model_not_found',
    })
    await expect(node.update({ share: ['b'], deny: ['not-a-peer'] })).rejects.toMatchObject({
      code: 'invalid_request',
    })
    expect(shared()).toEqual(['a'])
    await node.update({ share: ['b'], maxTokens: 7, deny: [client.peerId.toString()] })
    expect(shared()).toEqual(['b'])
    expect(await client.fetchAdvertisement(node.host.peerId)).toMatchObject({
      models: [{ id: 'b' }],
      maxTokens: 7,
    })
    const refused = await openStream(client, node)
    const sent = upload(refused, chatBody('Hi'), { model: 'b' }).catch(() => {})
    expect(await collect(refused)).toMatchObject([{ error: { code: 'unauthorized' } }])
    await sent

    gate.resolve()
    expect(textOf(await answer)).toBe('1, 2, 3, 4, 5.')
  })

  it('takes over other settings although it cannot advertise them now', async () => {
    const backend = createScriptedBackend({ models: [{ id: 'a' }, { id: 'b' }] })
    const { node } = await swarm(backend, { share: ['a'] })
    const refresh = vi.spyOn(Advertiser.prototype, 'refresh').mockRejectedValue(new Error('full'))
    try {
      await node.update({ share: ['b'] })
      expect(refresh).toHaveBeenCalled()
      expect(node.models().map(({ id }) => id)).toEqual(['b'])
    } finally {
      refresh.mockRestore()
    }
  })

  it('refuses to share a model that the engine lacks, and lists the engine’s models', async () => {
    const backend = createScriptedBackend({ models: [{ id: 'a' }, { id: 'b' }] })
    await expect(createNode({ host: { listen }, backend, share: ['c'] })).rejects.toMatchObject({
      code: 'model_not_found',
      message: expect.stringMatching(/'c'.*a, b/),
      details: { available: [{ model: 'a' }, { model: 'b' }] },
    })
  })

  it('waits for an engine that loads, and gives up in time when it never does', async () => {
    const backend = createScriptedBackend()
    backend.setState('loading')
    const init = { host: { listen }, backend }
    await expect(createNode({ ...init, loadTimeoutMs: 50 })).rejects.toMatchObject({
      code: 'loading',
    })
    const starting = createNode(init)
    backend.setState('ready')
    expect(keep(await starting).state()).toBe('ready')
  })
})

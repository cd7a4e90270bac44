import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Client, RequestOptions } from '../../client/index.ts'
import {
  encodeAdvertisementResponse,
  FrameWriter,
  InferenceError,
  PROTOCOLS,
  sealAdvertisement,
} from '../../protocol/index.ts'
import {
  accepted,
  advertisementOf,
  answers,
  type Behaviour,
  chatDelta,
  cutsAFrame,
  hangsAfter,
  modelNamed,
  onlyKeepsAlive,
  readRequest,
  refuses,
  resetsAfter,
  says,
  talksGarbage,
} from '../../testing/swarms/client-peers.ts'
import { LiveSwarm, provideModel } from '../../testing/swarms/live-swarm.ts'
import { describeManyRequests } from './many-requests-suite.ts'

const messages = [{ role: 'user', content: 'Count from 1 to 20.' }] as const
const request = { model: 'm', messages }
const numbers = Array.from({ length: 20 }, (_, i) => i + 1).join(', ')
const impatient = { silenceTimeoutMs: 1_500, ttftTimeoutMs: 3_000, itlTimeoutMs: 1_500 }

let swarm: LiveSwarm

beforeEach(async () => {
  swarm = await LiveSwarm.create()
})
afterEach(async () => {
  await swarm[Symbol.asyncDispose]()
})

async function stream(client: Client, options: RequestOptions = {}) {
  const answer = client.chat({ ...request, stream: true }, options)
  let text = ''
  for await (const { choices } of answer) text += choices[0]?.delta.content ?? ''
  return { text, attempts: answer.attempts, usage: answer.usage }
}

describe('a client in a swarm', () => {
  it('finds a node through the DHT and streams its answer', async () => {
    const { node } = await swarm.node()
    const client = await swarm.client({ peerExchange: false })
    const { text, attempts, usage } = await stream(client)
    expect(text).toContain(numbers)
    expect(attempts).toMatchObject([{ peerId: node.host.peerId.toString(), outcome: 'answered' }])
    expect(usage?.completion_tokens).toBeGreaterThan(20)
  })

  it('gets whole chats, completions and embeddings', async () => {
    await swarm.node()
    const client = await swarm.client()
    const chat = await client.chat(request)
    expect(chat.choices[0]?.message.content).toContain(numbers)
    const completion = await client.complete({ model: 'm', prompt: 'Count from 1 to 3.' })
    expect(completion.choices[0]?.text).toContain('1, 2, 3')
    const { data } = await client.embed({ model: 'm', input: ['a', 'b', 'c'] })
    expect(data.map(({ index }) => index)).toEqual([0, 1, 2])
  })

  it('lists models and peers', async () => {
    const { node } = await swarm.node({ models: [{ id: 'm' }, { id: 'other' }] })
    await swarm.node()
    const client = await swarm.client()
    const models = await client.models()
    expect(models.map(({ id, peers }) => [id, peers.length])).toEqual([
      ['m', 2],
      ['other', 1],
    ])
    const peers = await client.peers()
    expect(peers).toHaveLength(2)
    const first = peers.find(({ peerId }) => peerId === node.host.peerId.toString())
    expect(first).toMatchObject({ models: ['m', 'other'], state: 'ready', expired: false })
    expect(first?.rttMs).toBeGreaterThan(0)
  })

  it('lists the available models if the requested one does not exist', async () => {
    await swarm.node()
    const client = await swarm.client()
    await expect(client.chat({ ...request, model: 'nope' })).rejects.toMatchObject({
      code: 'model_not_found',
      message: "no peer serves 'nope'",
      details: { available: [{ model: 'm', peers: 1, peerIds: [expect.any(String)] }] },
    })
  })

  it('refuses an invalid request with a typed error, from plain JavaScript too', async () => {
    const client = await swarm.client()
    const refusal = { name: 'InferenceError', code: 'invalid_request' }
    const nothing = null as never
    await expect(client.chat(nothing)).rejects.toMatchObject(refusal)
    await expect(client.complete(nothing)).rejects.toMatchObject(refusal)
    await expect(client.embed(nothing)).rejects.toMatchObject(refusal)
  })

  it('reports within two seconds why there are no peers', async () => {
    const dead = swarm.addresses
    await swarm[Symbol.asyncDispose]()
    swarm = await LiveSwarm.create()
    const client = await swarm.client({ bootstrap: dead })
    const startedAt = performance.now()
    const error: unknown = await client.chat(request).catch((thrown: unknown) => thrown)
    expect(performance.now() - startedAt).toBeLessThan(2_000)
    expect(error).toMatchObject({ code: 'no_peers' })
    expect((error as Error).message).toContain(dead[0] ?? 'an address')
  })

  it('reports both numbers of a prompt that is too long, and blames no peer', async () => {
    const { node } = await swarm.node({ models: [{ id: 'm', contextLength: 64 }] })
    await swarm.node({ models: [{ id: 'm', contextLength: 64 }] })
    const client = await swarm.client()
    const long = { model: 'm', messages: [{ role: 'user', content: 'word '.repeat(200) }] } as const
    const error = await client.chat(long).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'context_too_long', details: { contextLength: 64 } })
    expect((error as InferenceError).detailsOf('context_too_long').promptTokens).toBeGreaterThan(64)
    expect((error as InferenceError).traits.blame).toBe('caller')
    // Both are asked first as ever: `random` draws the cheapest, and neither is suspect.
    expect(node.state()).toBe('ready')
    const short = { ...request, max_tokens: 5 }
    // Without a hedge, which a loaded machine would start.
    const { skein } = await client.chat(short, { policy: 'single' })
    expect(skein.attempts).toHaveLength(1)
  })
})

describe('the engine at the other end', () => {
  it('stops when the consumer breaks', async () => {
    const { backend } = await swarm.node({ paceMs: 20 })
    const client = await swarm.client()
    for await (const _ of client.chat({ ...request, stream: true })) break
    await backend.idle()
    expect(backend.aborted).toBe(1)
  })

  it('stops when the caller aborts', async () => {
    const { backend } = await swarm.node({ paceMs: 20 })
    const client = await swarm.client()
    const caller = new AbortController()
    const reason = new Error('enough')
    const answer = client.chat({ ...request, stream: true }, { signal: caller.signal })
    const reading = (async () => {
      for await (const _ of answer) caller.abort(reason)
    })()
    await expect(reading).rejects.toBe(reason)
    await backend.idle()
    expect(backend.aborted).toBe(1)
  })

  it('stops when the client is closed', async () => {
    const { backend } = await swarm.node({
      script: () => ({ fault: { type: 'stall', afterTokens: 2 } }),
    })
    const client = await swarm.client()
    for await (const _ of client.chat({ ...request, stream: true })) {
      await client.close()
      break
    }
    await backend.idle()
    expect(backend.aborted).toBe(1)
  })

  it('may die before the first token unseen, another one answers', async () => {
    const error = new InferenceError('engine_failed', 'died')
    await swarm.node({ script: () => ({ fault: { type: 'throw', error } }) })
    await swarm.node({ script: () => undefined })
    const client = await swarm.client()
    for (let i = 0; i < 3; i += 1) expect((await stream(client)).text).toContain(numbers)
  })

  it('that dies mid-answer is a typed error if resuming is not allowed', async () => {
    const error = new InferenceError('engine_failed', 'died')
    const { node } = await swarm.node({
      script: () => ({ fault: { type: 'throw', error, afterTokens: 5 } }),
    })
    const client = await swarm.client()
    await expect(stream(client, { resume: 'off' })).rejects.toMatchObject({
      code: 'not_resumable',
      details: { attempts: [{ peerId: node.host.peerId.toString(), outcome: 'engine_failed' }] },
    })
  })
})

describe('a node that leaves', () => {
  it('is replaced for the next request', async () => {
    const first = await swarm.node()
    const second = await swarm.node()
    const client = await swarm.client()
    const served = (await client.chat(request)).skein.peerId
    const gone = served === first.node.host.peerId.toString() ? first : second
    await gone.node[Symbol.asyncDispose]()
    const answer = await client.chat(request)
    expect(answer.skein.peerId).not.toBe(served)
    expect(answer.choices[0]?.message.content).toContain(numbers)
  })

  it('is replaced before its answer begins', async () => {
    const { promise: gate } = Promise.withResolvers<void>()
    const stuck = await swarm.node({ script: () => ({ gate }) })
    const client = await swarm.client()
    const answer = stream(client)
    while (stuck.backend.active === 0) await new Promise(setImmediate)
    await swarm.node()
    await stuck.node[Symbol.asyncDispose]()
    expect((await answer).text).toContain(numbers)
  })
})

const hello = [accepted, chatDelta(0, { content: 'hel' })]
const neverEndingFrame: Behaviour = async (stream) => {
  await readRequest(stream)
  // Announces a frame of the largest size allowed, and drips it.
  stream.send(Uint8Array.of(0x80, 0x80, 0x40))
  while (stream.status === 'open') {
    stream.send(new Uint8Array(1))
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
const oversizedFrame: Behaviour = async (stream) => {
  await readRequest(stream)
  stream.send(Uint8Array.of(0xff, 0xff, 0xff, 0x7f))
  stream.send(new Uint8Array(64 * 1024))
}

const hostile: readonly [name: string, outcome: string, behaviour: Behaviour][] = [
  ['accepts the stream and says nothing', 'stalled', (stream) => hangsAfter()(stream)],
  ['keeps alive for ever', 'stalled', onlyKeepsAlive],
  ['drips one frame for ever', 'stalled', neverEndingFrame],
  ['sends an oversized frame', 'malformed', oversizedFrame],
  ['talks garbage', 'malformed', talksGarbage],
  ['cuts a frame', 'truncated', cutsAFrame],
  ['ends too early', 'truncated', says(accepted)],
  ['resets', 'stream_reset', resetsAfter(accepted)],
  ['miscounts', 'malformed', says(accepted, chatDelta(4, { content: 'x' }))],
  ['falsely calls the request invalid', 'invalid_request', refuses('invalid_request')],
]

/** Far more than it takes until one of them asks the hostile peer first. */
const MAX_CLIENTS = 20

describe('a hostile peer', () => {
  it.each(hostile)('that %s is replaced unseen', async (_, outcome, behaviour) => {
    const bad = await swarm.hostile(behaviour)
    await swarm.node()
    // Which of two peers a new client asks first depends on which it has measured: some clients ask the hostile one.
    for (let tried = 0; tried < MAX_CLIENTS; tried += 1) {
      // A hedge would overtake those that only keep silent.
      const client = await swarm.client({ ...impatient, policy: 'single' })
      await vi.waitUntil(() => client.host.book.all().length === 2, 30_000)
      const { text, attempts } = await stream(client)
      expect(text).toContain(numbers)
      await client.close()
      if (attempts.length === 1) continue
      expect(attempts).toMatchObject([
        { peerId: bad.host.peerId.toString(), outcome },
        { outcome: 'answered' },
      ])
      return
    }
    expect.unreachable(`none of ${MAX_CLIENTS} clients asked the hostile peer`)
  })

  it('that falls silent in the middle of an answer is a typed error in time', async () => {
    await swarm.hostile(hangsAfter(...hello))
    const client = await swarm.client(impatient)
    await expect(stream(client)).rejects.toMatchObject({ code: 'stalled' })
  })

  it('that passes off another’s statement as its own is not asked', async () => {
    const liar = await swarm.hostile(answers('lies'), { models: [] })
    const key = await generateKeyPair('Ed25519')
    const forged = await sealAdvertisement(
      advertisementOf(peerIdFromPrivateKey(key), [modelNamed('m')]),
      key,
    )
    await liar.host.libp2p.unhandle(PROTOCOLS.advertisement)
    await liar.host.libp2p.handle(PROTOCOLS.advertisement, async (stream) => {
      const writer = new FrameWriter(stream)
      await writer.write(encodeAdvertisementResponse({ own: forged, known: [] }))
      await writer.close()
    })
    await provideModel(liar.host, 'm')
    const client = await swarm.client()
    await expect(client.chat(request)).rejects.toMatchObject({ code: 'no_peers' })
    expect(liar.streams).toHaveLength(0)
  })
})

describe('a client with a data directory', () => {
  it('finds its nodes again after a restart with every bootstrap peer dead', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'skein-client-'))
    try {
      await swarm.node()
      const first = await swarm.client({ dataDir })
      await first.chat(request)
      await first.close()
      await swarm.bootstrap[Symbol.asyncDispose]()
      const again = await swarm.client({ dataDir })
      expect((await stream(again)).text).toContain(numbers)
      await again.close()
    } finally {
      await rm(dataDir, { recursive: true, force: true })
    }
  })
})

// `client.slow.test.ts` has a thousand.
describeManyRequests(250)

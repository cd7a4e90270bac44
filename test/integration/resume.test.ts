import { fileURLToPath } from 'node:url'
import { peerIdFromString } from '@libp2p/peer-id'
import { raceSignal } from 'race-signal'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type Backend, type BackendEvent, createEmbeddedBackend } from '../../backend/index.ts'
import { type Client, createClient, type RequestEvent } from '../../client/index.ts'
import { createNode, type Node } from '../../node/index.ts'
import type { ChatRequest } from '../../protocol/index.ts'

const modelPath = fileURLToPath(new URL('../../models/skein-tiny-q8_0.gguf', import.meta.url))
const listen = ['/ip4/127.0.0.1/tcp/0']

const counting = {
  model: 'skein-tiny',
  messages: [{ role: 'user', content: 'Count from 1 to 40.' }],
  temperature: 0,
} as const satisfies ChatRequest

const schema = {
  type: 'object',
  properties: {
    name: { type: 'string', maxLength: 12 },
    numbers: { type: 'array', items: { type: 'integer' }, maxItems: 6 },
  },
  required: ['name', 'numbers'],
  additionalProperties: false,
}

/** What holds across a seam, each with the engine's part in it. */
const requests: readonly [name: string, request: ChatRequest][] = [
  ['plain', counting],
  ['drawn at a temperature, with a seed', { ...counting, temperature: 0.9, seed: 7 }],
  ['up to a token limit', { ...counting, max_tokens: 61 }],
  ['up to a stop string', { ...counting, stop: ['38, 39'] }],
  ['with penalties', { ...counting, frequency_penalty: 0.4, presence_penalty: 0.3 }],
  ['with logprobs', { ...counting, max_tokens: 40, logprobs: true, top_logprobs: 2 }],
  [
    'held to a JSON schema',
    {
      ...counting,
      max_tokens: 120,
      response_format: { type: 'json_schema', json_schema: { name: 'thing', schema } },
    },
  ],
]

/** Engines run at most so far ahead of a reader that will still cut: less than lies between two cuts. */
const LEAD = 3

/** What the reader has read, for engines that keep in step with it. */
class Progress {
  pieces = 0
  cutsLeft = 0
  #advanced = Promise.withResolvers<void>()

  start(cuts: number): void {
    this.pieces = 0
    this.cutsLeft = cuts
  }

  advance(isCut: boolean): void {
    this.pieces += 1
    if (isCut) this.cutsLeft -= 1
    this.#advanced.resolve()
    this.#advanced = Promise.withResolvers()
  }

  async reaches(pieces: number, signal: AbortSignal | undefined): Promise<void> {
    while (this.cutsLeft > 0 && this.pieces < pieces) {
      await raceSignal(this.#advanced.promise, signal)
    }
  }
}

function inStep(backend: Backend, progress: Progress): Backend {
  return {
    description: backend.description,
    models: (options) => backend.models(options),
    load: (options) => backend.load(options),
    async *infer(request, options = {}): AsyncGenerator<BackendEvent> {
      let next = progress.pieces - LEAD
      for await (const event of backend.infer(request, options)) {
        await progress.reaches(next, options.signal)
        next += 1
        yield event
      }
    },
    [Symbol.asyncDispose]: () => backend[Symbol.asyncDispose](),
  }
}

describe('an answer of a real engine that is broken off in the middle', () => {
  const opened = new AsyncDisposableStack()
  const nodes: Node[] = []
  const progress = new Progress()
  let client: Client

  beforeAll(async () => {
    for (let i = 0; i < 2; i += 1) {
      const engine = opened.use(await createEmbeddedBackend({ modelPath, threads: 1 }))
      const backend = inStep(engine, progress)
      const bootstrap = nodes.flatMap(({ host }) => host.addresses().map(String))
      nodes.push(opened.use(await createNode({ host: { listen, bootstrap }, backend })))
    }
    const bootstrap = nodes.flatMap(({ host }) => host.addresses().map(String))
    client = opened.use(await createClient({ bootstrap }))
    await vi.waitFor(async () => expect(await client.peers()).toHaveLength(2), 30_000)
  }, 60_000)

  afterAll(async () => {
    await opened.disposeAsync()
  }, 60_000)

  /** @param cuts pieces after which the serving peer's connection is destroyed */
  async function read(
    request: ChatRequest,
    cuts: readonly number[],
  ): Promise<{ answer: object; event: RequestEvent | undefined }> {
    progress.start(cuts.length)
    const stream = client.chat({ ...request, stream: true }, { resume: 'exact' })
    let text = ''
    let finish: string | null = null
    const ids = new Set<string>()
    const roles: string[] = []
    const logprobs: [string, number][] = []
    for await (const { id, choices, skein } of stream) {
      ids.add(id)
      const [choice] = choices
      if (choice?.delta.role !== undefined) roles.push(choice.delta.role)
      text += choice?.delta.content ?? ''
      finish = choice?.finish_reason ?? finish
      for (const { token, logprob } of choice?.logprobs?.content ?? []) {
        logprobs.push([token, Math.round(logprob * 100) / 100])
      }
      const isCut = cuts.includes(progress.pieces + 1)
      progress.advance(isCut)
      if (!isCut) continue
      const peer = peerIdFromString(skein.peerId)
      for (const connection of client.host.libp2p.getConnections(peer)) {
        connection.abort(new Error('cut by the test'))
      }
    }
    const tokens = stream.usage?.completion_tokens
    const prompt = stream.usage?.prompt_tokens
    const answer = { text, finish, ids: ids.size, roles, logprobs, tokens, prompt }
    return { answer, event: stream.event }
  }

  it.each(requests)('is the same as undisturbed, %s', async (_, request) => {
    const undisturbed = await read(request, [])
    const broken = await read(request, [3, 9])
    expect(broken.event).toMatchObject({ outcome: 'answered', exact: true })
    expect(broken.event?.resumes).toBeGreaterThanOrEqual(2)
    expect(broken.answer).toEqual(undisturbed.answer)
  })

  it('stops the engine of the attempt that loses a race', async () => {
    const long = { ...counting, messages: [{ role: 'user', content: 'Count from 1 to 150.' }] }
    const stream = client.chat({ ...long, stream: true } as never, { policy: 'race:2' })
    let served: string | undefined
    for await (const { skein } of stream as AsyncIterable<{ skein: { peerId: string } }>) {
      served ??= skein.peerId
      const loser = nodes.find(({ host }) => host.peerId.toString() !== served)
      // Its slot is free only once the engine has stopped.
      await expect.poll(() => loser?.load().inFlight, { timeout: 30_000 }).toBe(0)
      break
    }
    expect(served).toBeDefined()
  })

  it('tells how many prompt tokens a conversation’s next turn found warm', async () => {
    const first = [{ role: 'user', content: 'Count from 1 to 20.' }] as const
    const one = await client.chat({ ...counting, messages: first })
    const reply = { role: 'assistant', content: one.choices[0]?.message.content ?? '' } as const
    const next = [...first, reply, { role: 'user', content: 'Count from 1 to 5.' } as const]
    const two = await client.chat({ ...counting, messages: next })
    expect(two.skein.peerId).toBe(one.skein.peerId)
    expect(two.usage.prompt_tokens_details?.cached_tokens).toBeGreaterThan(10)
  })
})

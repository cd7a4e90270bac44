import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { BatchRequest, BatchResult, Client } from '../../client/index.ts'
import { LiveSwarm } from '../../testing/swarms/live-swarm.ts'
import { type SwarmNode, startSwarmNode } from '../../testing/swarms/swarm-process.ts'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

const MODEL = 'm'
const NODES = 5
const INPUTS = Array.from({ length: 2_000 }, (_, index) => `the input with the number ${index}`)
const CHATS = 200

interface Swarm {
  readonly client: Client
  readonly nodes: readonly SwarmNode[]
}

async function startSwarm(paceMs: number): Promise<Swarm> {
  const live = await LiveSwarm.create()
  onTestFinished(() => live[Symbol.asyncDispose]())
  const engine = { model: MODEL, slots: 4, paceMs }
  const nodes = await Promise.all(
    Array.from({ length: NODES }, () => startSwarmNode({ engine, bootstrap: live.addresses })),
  )
  onTestFinished(async () => {
    await Promise.all(nodes.map((node) => node[Symbol.asyncDispose]()))
  })
  const client = await live.client({ random: Math.random, timeoutMs: 90_000 })
  await vi.waitFor(async () => expect((await client.models())[0]?.peers).toHaveLength(NODES), {
    timeout: 30_000,
    interval: 200,
  })
  return { client, nodes }
}

const chat = (index: number): BatchRequest => ({
  id: `chat-${index}`,
  kind: 'chat',
  body: {
    model: MODEL,
    messages: [{ role: 'user', content: `Count from ${index} to ${index + 9}.` }],
  },
})

const counted = (index: number): string =>
  `${Array.from({ length: 10 }, (_, offset) => index + offset).join(', ')}.`

function textOf({ answer, error }: BatchResult): string | undefined {
  if (error !== undefined) throw error
  const choice = answer.object === 'chat.completion' ? answer.choices[0] : undefined
  return choice?.message.content ?? undefined
}

describe('while nodes are killed', () => {
  it('two thousand embeddings all arrive, in order, as one node would give them', async () => {
    const { client, nodes } = await startSwarm(4)
    const few = INPUTS.slice(0, 16)
    const expected = await client.embed({ model: MODEL, input: few })
    const call = client.embed({ model: MODEL, input: INPUTS })
    for (const node of nodes.slice(0, 3)) {
      await new Promise((resolve) => setTimeout(resolve, 300))
      await node.kill()
    }
    const { data, skein } = await call
    expect(data.map(({ index }) => index)).toEqual(INPUTS.map((_, index) => index))
    expect(data.slice(0, 16)).toEqual(expected.data)
    expect(new Set(data.map(({ embedding }) => embedding.join())).size).toBe(INPUTS.length)
    expect(skein.attempts.some(({ outcome }) => outcome !== 'answered')).toBe(true)
  })

  it('two hundred chats each get their own answer, once, in order', async () => {
    const { client, nodes } = await startSwarm(10)
    const requests = Array.from({ length: CHATS }, (_, index) => chat(index))
    const results: BatchResult[] = []
    const progress: number[] = []
    const options = {
      ordered: true,
      onProgress: ({ done }: { readonly done: number }) => void progress.push(done),
    }
    const doomed = nodes.slice(0, 3)
    for await (const result of client.batch(requests, options)) {
      results.push(result)
      if (results.length % 40 === 0) await doomed.shift()?.kill()
    }
    expect(results.map(({ id }) => id)).toEqual(requests.map(({ id }) => id))
    expect(results.map(textOf)).toEqual(requests.map((_, index) => counted(index)))
    expect(doomed).toEqual([])
    expect(progress.at(-1)).toBe(CHATS)
  })
})

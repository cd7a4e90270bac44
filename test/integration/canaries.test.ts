import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { Client, ClientInit } from '../../client/index.ts'
import type { InferenceRequest } from '../../protocol/index.ts'
import { LiveSwarm } from '../../testing/swarms/live-swarm.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const MODEL = {
  id: 'm',
  digest: `sha256:${'7'.repeat(64)}`,
  capabilities: ['chat', 'token_ids', 'score'],
} as const
const SECRET = 'my own words'
const QUESTION = {
  model: 'm',
  temperature: 0,
  messages: [{ role: 'user', content: SECRET }],
} as const

interface Swarm {
  readonly client: Client
  /** Prompts of chats, as the nodes saw them. */
  readonly prompts: string[]
}

async function swarmOf(init: ClientInit = {}): Promise<Swarm> {
  const live = await LiveSwarm.create()
  onTestFinished(() => live[Symbol.asyncDispose]())
  const prompts: string[] = []
  const script = (request: InferenceRequest) => {
    if (request.kind === 'chat') prompts.push(String(request.body.messages.at(-1)?.content))
    return undefined
  }
  for (let n = 0; n < 3; n += 1) await live.node({ models: [MODEL], script })
  const client = await live.client({ policy: 'single', random: Math.random, ...init })
  await vi.waitFor(async () => expect(await client.peers()).toHaveLength(3), { timeout: 20_000 })
  return { client, prompts }
}

const sent = ({ client }: Swarm): number => client.stats().audits.canaries

describe('canaries', () => {
  it('go to a peer that is not known yet, once something was answered, and are rated', async () => {
    const swarm = await swarmOf()
    expect(sent(swarm)).toBe(0)
    await swarm.client.chat(QUESTION)
    await vi.waitFor(() => expect(sent(swarm)).toBe(1), { timeout: 20_000 })
    // The request and the canary.
    await vi.waitFor(() => expect(swarm.client.stats().audits.answers).toBe(2), { timeout: 20_000 })
    const others = swarm.prompts.filter((prompt) => prompt !== SECRET)
    expect(others).toHaveLength(1)
    // The next one has to be earned.
    await Promise.all(Array.from({ length: 5 }, () => swarm.client.chat(QUESTION)))
    expect(sent(swarm)).toBe(1)
  })

  it('repeat the caller’s own requests only where the caller says so', async () => {
    const swarm = await swarmOf({ canaries: 'own-traffic' })
    await swarm.client.chat(QUESTION)
    await vi.waitFor(() => expect(swarm.client.stats().audits.answers).toBe(2), { timeout: 20_000 })
    expect(sent(swarm)).toBe(1)
    expect(swarm.prompts).toEqual([SECRET, SECRET])
  })

  it('are not sent where they are off, nor for requests that are not verified or only for some', async () => {
    const off = await swarmOf({ canaries: 'off' })
    await off.client.chat(QUESTION)
    const on = await swarmOf()
    await on.client.chat(QUESTION, { verify: 'off' })
    const [{ peerId } = { peerId: '' }] = await on.client.peers()
    await on.client.chat(QUESTION, { trusted: [peerId] })
    await sleep(300)
    expect([sent(off), sent(on)]).toEqual([0, 0])
    expect(new Set([...off.prompts, ...on.prompts])).toEqual(new Set([SECRET]))
  })

  it('refuse an unknown mode', async () => {
    await expect(swarmOf({ canaries: 'always' as never })).rejects.toMatchObject({
      code: 'invalid_request',
    })
  })
})

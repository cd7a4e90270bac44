import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Client } from '../../client/index.ts'
import { LiveSwarm } from '../../testing/swarms/live-swarm.ts'

/** With the bootstrap peer: fifty hosts. */
const NODES = 16
const CLIENTS = 33
const MODELS = 4
/** More handshakes at a time on one thread make each other late. */
const STARTED_TOGETHER = 4

/** Many hosts on one thread are busy with each other for a while; in a swarm each has its own. */
const PATIENT = {
  connectTimeoutMs: 30_000,
  lookupTimeoutMs: 30_000,
  fetchTimeoutMs: 15_000,
  dialTimeoutMs: 15_000,
  silenceTimeoutMs: 30_000,
} as const

const modelAt = (index: number): string => `model-${index % MODELS}`

let swarm: LiveSwarm

async function inWaves(count: number, start: (index: number) => Promise<unknown>): Promise<void> {
  for (let first = 0; first < count; first += STARTED_TOGETHER) {
    const size = Math.min(STARTED_TOGETHER, count - first)
    await Promise.all(Array.from({ length: size }, (_, i) => start(first + i)))
  }
}

beforeAll(async () => {
  swarm = await LiveSwarm.create()
  await inWaves(NODES, (index) => swarm.node({ models: [{ id: modelAt(index) }] }))
}, 120_000)

afterAll(async () => {
  await swarm[Symbol.asyncDispose]()
}, 60_000)

async function askEveryModel(client: Client): Promise<void> {
  for (let index = 0; index < MODELS; index += 1) {
    const { skein, choices } = await client.chat(
      {
        model: modelAt(index),
        messages: [{ role: 'user', content: 'Count from 1 to 3.' }],
      },
      { policy: 'single' },
    )
    expect(choices[0]?.message.content).toContain('1, 2, 3')
    expect(skein.attempts.map(({ outcome }) => outcome)).toEqual(['answered'])
  }
}

describe('a swarm of fifty hosts', () => {
  it('lets every client find every model, by the DHT alone', { timeout: 180_000 }, async () => {
    await inWaves(CLIENTS, async () => {
      await askEveryModel(await swarm.client({ ...PATIENT, peerExchange: false }))
    })
  })

  it('shows every model and every node to one who asks for all', { timeout: 60_000 }, async () => {
    const client = await swarm.client(PATIENT)
    const models = await client.models()
    expect(models).toHaveLength(MODELS)
    const peers = new Set(models.flatMap((model) => model.peers))
    expect(peers.size).toBe(NODES)
  })
})

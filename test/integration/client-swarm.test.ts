import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { LiveSwarm } from '../fixtures/live-swarm.ts'

const NODES = 16
const CLIENTS = 2
const MODELS = 4
const STARTED_TOGETHER = 8

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

beforeAll(async () => {
  swarm = await LiveSwarm.create()
  for (let first = 0; first < NODES; first += STARTED_TOGETHER) {
    const indexes = Array.from({ length: STARTED_TOGETHER }, (_, i) => first + i)
    await Promise.all(indexes.map((i) => swarm.node({ models: [{ id: modelAt(i) }] })))
  }
}, 120_000)

afterAll(async () => {
  await swarm[Symbol.asyncDispose]()
}, 60_000)

describe('a swarm of twenty hosts', () => {
  it('lets every client find every model, by the DHT alone', { timeout: 120_000 }, async () => {
    for (let count = 0; count < CLIENTS; count += 1) {
      const client = await swarm.client({ ...PATIENT, peerExchange: false })
      for (let index = 0; index < MODELS; index += 1) {
        const { skein, choices } = await client.chat({
          model: modelAt(index),
          messages: [{ role: 'user', content: 'Count from 1 to 3.' }],
        })
        expect(choices[0]?.message.content).toContain('1, 2, 3')
        expect(skein.attempts.map(({ outcome }) => outcome)).toEqual(['answered'])
      }
      await client.close()
    }
  })

  it('shows every model and every node to one who asks for all', { timeout: 60_000 }, async () => {
    const client = await swarm.client(PATIENT)
    const models = await client.models()
    expect(models).toHaveLength(MODELS)
    const peers = new Set(models.flatMap((model) => model.peers))
    expect(peers.size).toBe(NODES)
  })
})

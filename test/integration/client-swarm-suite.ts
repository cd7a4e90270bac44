import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Client } from '../../client/index.ts'
import { LiveSwarm } from '../../testing/swarms/live-swarm.ts'

const MODELS = 4
/** More handshakes at a time on one thread make each other late. */
const STARTED_TOGETHER = 4
/** For a loaded machine; a quiet one needs a tenth. */
const DEADLINE_MS = 600_000

/** Many hosts on one thread are busy with each other for a while; in a swarm each has its own. */
const PATIENT = {
  connectTimeoutMs: 30_000,
  lookupTimeoutMs: 30_000,
  fetchTimeoutMs: 15_000,
  dialTimeoutMs: 15_000,
  silenceTimeoutMs: 30_000,
} as const

/** A node on a loaded machine is started before its records have reached the DHT. */
const POLL = { timeout: 300_000, interval: 1_000 } as const

const modelAt = (index: number): string => `model-${index % MODELS}`

/** A swarm of this size in one process: a bootstrap peer, nodes with a quarter of the models each, clients. */
export function describeClientSwarm({
  nodes,
  clients,
}: {
  readonly nodes: number
  readonly clients: number
}): void {
  describe(`a swarm of ${nodes} nodes and ${clients} clients`, { timeout: DEADLINE_MS }, () => {
    let swarm: LiveSwarm

    beforeAll(async () => {
      swarm = await LiveSwarm.create()
      await inWaves(nodes, (index) => swarm.node({ models: [{ id: modelAt(index) }] }))
    }, DEADLINE_MS)

    afterAll(async () => {
      await swarm[Symbol.asyncDispose]()
    }, DEADLINE_MS)

    it('lets every client find every model, by the DHT alone', async () => {
      await inWaves(clients, async () => {
        await askEveryModel(await swarm.client({ ...PATIENT, peerExchange: false }))
      })
    })

    it('shows every model and every node to a client that asks for all', async () => {
      const client = await swarm.client(PATIENT)
      const seen = async () => {
        const models = await client.models()
        const peers = new Set(models.flatMap((model) => model.peers))
        return { models: models.length, peers: peers.size }
      }
      await expect.poll(seen, POLL).toEqual({ models: MODELS, peers: nodes })
    })
  })
}

async function inWaves(count: number, start: (index: number) => Promise<unknown>): Promise<void> {
  for (let first = 0; first < count; first += STARTED_TOGETHER) {
    const size = Math.min(STARTED_TOGETHER, count - first)
    await Promise.all(Array.from({ length: size }, (_, i) => start(first + i)))
  }
}

async function askEveryModel(client: Client): Promise<void> {
  for (let index = 0; index < MODELS; index += 1) {
    const ask = async () =>
      client.chat(
        {
          model: modelAt(index),
          messages: [{ role: 'user', content: 'Count from 1 to 3.' }],
        },
        { policy: 'single' },
      )
    const { skein, choices } = await vi.waitFor(ask, POLL)
    expect(choices[0]?.message.content).toContain('1, 2, 3')
    expect(skein.attempts.map(({ outcome }) => outcome)).toEqual(['answered'])
  }
}

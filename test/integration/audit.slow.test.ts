import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { type Backend, createEmbeddedBackend } from '../../backend/index.ts'
import type { Client, ClientInit } from '../../client/index.ts'
import { createNode, type Node } from '../../node/index.ts'
import { garbling, inflating, replaying, underDigest } from '../../testing/swarms/cheats.ts'
import { LiveSwarm } from '../../testing/swarms/live-swarm.ts'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

const fixture = (name: string): string =>
  fileURLToPath(new URL(`../../testing/models/${name}`, import.meta.url))
const HONEST = fixture('skein-tiny-f16.gguf')
const EARLY = fixture('skein-tiny-early-f16.gguf')
const ALIAS = 'tiny'

const QUESTIONS = [
  (n: number) => `Count from ${n} to ${n + 20}.`,
  (n: number) => `What is ${n % 20} + ${(n * 7) % 20}?`,
  () => 'Tell me a story about a goose.',
  (n: number) => `List the ${['weekdays', 'months', 'planets'][n % 3]}.`,
]
const asked = (n: number) => ({
  model: ALIAS,
  temperature: 0,
  messages: [{ role: 'user', content: QUESTIONS[n % QUESTIONS.length]?.(n) ?? '' }] as const,
})

const AT_ONCE = 12
/** A suspect peer is seldom asked, so its last strike may take long. */
const MAX_REQUESTS = 1_600

interface Swarm {
  readonly client: Client
  readonly nodes: readonly Node[]
}

/** Both files go by one name, as two quantizations of a model do. */
function named(backend: Backend): Backend {
  return {
    ...underDigest(backend, ''),
    models: async (options) =>
      (await backend.models(options)).map((model) => ({ ...model, aliases: [ALIAS] })),
  }
}

async function engine(modelPath: string, threads = 1): Promise<Backend> {
  const backend = await createEmbeddedBackend({ modelPath, threads })
  onTestFinished(() => backend[Symbol.asyncDispose]())
  return named(backend)
}

async function swarmOf(backends: readonly Backend[], init: ClientInit = {}): Promise<Swarm> {
  const live = await LiveSwarm.create()
  onTestFinished(() => live[Symbol.asyncDispose]())
  const nodes: Node[] = []
  for (const backend of backends) {
    const host = { listen: ['/ip4/127.0.0.1/tcp/0'], bootstrap: live.addresses }
    const node = await createNode({ host, backend })
    onTestFinished(() => node[Symbol.asyncDispose]())
    nodes.push(node)
  }
  const client = await live.client({ random: Math.random, policy: 'single', ...init })
  await vi.waitFor(async () => expect(await client.peers()).toHaveLength(backends.length), {
    timeout: 30_000,
  })
  return { client, nodes }
}

const digestOf = async (backend: Backend): Promise<string> =>
  (await backend.models())[0]?.digest ?? ''

const idOf = (nodes: readonly Node[], at: number): string => nodes[at]?.host.peerId.toString() ?? ''

/** Asks until the peer is quarantined. @returns after how many of its own answers */
async function untilQuarantined({ client }: Swarm, cheat: string): Promise<number> {
  let served = 0
  const unobserve = client.observe(({ attempts }) => {
    served += attempts.filter((one) => one.peerId === cheat && one.outcome === 'answered').length
  })
  // Several at once, so that every peer gets some.
  for (let n = 0; n < MAX_REQUESTS; n += AT_ONCE) {
    const requests = Array.from({ length: AT_ONCE }, (_, at) => asked(n + at))
    await Promise.all(requests.map((one) => client.chat(one, { verify: 'always' })))
    if (!client.reputation(cheat).some(({ state }) => state === 'quarantined')) continue
    unobserve()
    return served
  }
  throw new Error(`not quarantined: ${JSON.stringify(client.reputation(cheat))}`)
}

describe('answers of honest peers', () => {
  it('pass, whatever number of threads they were written with, sampled ones too', async () => {
    const backends = [await engine(HONEST), await engine(HONEST, 2), await engine(HONEST)]
    const { client } = await swarmOf(backends)
    const tookPart = new Set<string>()
    for (let round = 0; round < 2; round += 1) {
      const answers = await Promise.all(
        Array.from({ length: AT_ONCE }, (_, at) => {
          const n = round * AT_ONCE + at
          const sampling = n % 2 === 0 ? { temperature: 0 } : { temperature: 0.8, seed: n }
          return client.chat({ ...asked(n), ...sampling }, { verify: 'always' })
        }),
      )
      for (const { skein } of answers) {
        const [report] = skein.verification?.parts ?? []
        expect(['passed', 'inconclusive']).toContain(report?.outcome)
        expect(report?.by).not.toContain(report?.peerId)
        for (const peer of [report?.peerId ?? '', ...(report?.by ?? [])]) tookPart.add(peer)
      }
    }
    const standings = client.reputation()
    // A peer that routing gives no request rates the answers of others.
    expect(tookPart.size).toBe(3)
    for (const { state, strikes, consecutiveValid } of standings) {
      expect(['proven', 'newcomer']).toContain(state)
      expect(strikes).toBe(0)
      expect(consecutiveValid).toBeGreaterThan(0)
    }
  })

  it('are rated by an engine of one’s own before any peer', async () => {
    const scorer = await engine(HONEST)
    const { client } = await swarmOf([await engine(HONEST)], { scorer })
    const { skein } = await client.chat(asked(0), { verify: 'always' })
    expect(skein.verification).toMatchObject({
      status: 'passed',
      parts: [{ outcome: 'passed', by: ['self'], asked: 0 }],
    })
  })
})

describe('a peer is found out that', () => {
  it('serves an early checkpoint under the digest of the finished one', async () => {
    const honest = await engine(HONEST)
    const cheat = underDigest(await engine(EARLY), await digestOf(honest))
    const swarm = await swarmOf([
      honest,
      await engine(HONEST),
      await engine(HONEST),
      cheatOf(cheat),
    ])
    const served = await untilQuarantined(swarm, idOf(swarm.nodes, 3))
    expect(served).toBeLessThanOrEqual(20)
    for (let n = 0; n < 8; n += 1) {
      const { skein } = await swarm.client.chat(asked(n))
      expect(skein.peerId).not.toBe(idOf(swarm.nodes, 3))
    }
    expect(swarm.client.reputation().filter(({ state }) => state === 'quarantined')).toHaveLength(1)
  })

  it('garbles one token in fifty', async () => {
    const backends = [
      await engine(HONEST),
      await engine(HONEST),
      garbling(await engine(HONEST), 50),
    ]
    const swarm = await swarmOf(backends)
    expect(await untilQuarantined(swarm, idOf(swarm.nodes, 2))).toBeLessThanOrEqual(30)
  })

  it('counts more tokens than it wrote', async () => {
    const backends = [
      await engine(HONEST),
      await engine(HONEST),
      inflating(await engine(HONEST), 3),
    ]
    const swarm = await swarmOf(backends)
    expect(await untilQuarantined(swarm, idOf(swarm.nodes, 2))).toBeLessThanOrEqual(12)
  })

  it('replays a stored answer', async () => {
    const backends = [await engine(HONEST), await engine(HONEST), replaying(await engine(HONEST))]
    const swarm = await swarmOf(backends)
    expect(await untilQuarantined(swarm, idOf(swarm.nodes, 2))).toBeLessThanOrEqual(20)
  })
})

/** Models keep the name that both go by. */
function cheatOf(backend: Backend): Backend {
  return {
    ...backend,
    models: async (options) =>
      (await backend.models(options)).map((model) => ({ ...model, aliases: [ALIAS] })),
  }
}

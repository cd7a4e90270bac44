import { describe, expect, it, onTestFinished } from 'vitest'
import type { Script } from '../../../../backend/index.ts'
import { runBatch } from '../../../../client/split/batch/run-batch.ts'
import { splitRequests } from '../../../../client/split/split-requests.ts'
import { InferenceError } from '../../../../protocol/index.ts'
import { type ScriptedPeerInit, ScriptedSwarm } from '../../../../testing/swarms/scripted-swarm.ts'

const body = {
  model: 'm',
  temperature: 0,
  messages: [{ role: 'user', content: 'Count from 1 to 9.' }],
} as const
const failing: Script = {
  fault: { type: 'throw', error: new InferenceError('engine_failed', 'x') },
}
const breaking: Script = { fault: { type: 'end', afterTokens: 5 } }
const slow: Script = { prefillMs: 400 }

/** Five peers of which the caller trusts the last two; the first three are asked first by everyone else. */
async function swarmOf(trustedPeers: readonly ScriptedPeerInit[] = [{}, {}]) {
  const swarm = await ScriptedSwarm.create([{}, {}, {}, ...trustedPeers], { timeoutMs: 5_000 })
  onTestFinished(() => swarm[Symbol.asyncDispose]())
  const strangers = swarm.peers.slice(0, 3)
  const trusted = swarm.peers.slice(3).map(({ key }) => key)
  const seen = (): number => strangers.reduce((sum, { engine }) => sum + engine.calls.length, 0)
  const { requester } = swarm.swarm
  const context = { timeoutMs: 5_000, random: Math.random, clock: swarm.swarm.clock }
  return { requester, trusted, seen, split: splitRequests(requester, context), context }
}

describe('a request restricted to trusted peers', () => {
  it('is seen by no other peer', async () => {
    const { requester, trusted, seen } = await swarmOf()
    const { skein } = await requester.chat(body, { trusted })
    expect(trusted).toContain(skein.peerId)
    expect(seen()).toBe(0)
  })

  it('goes to no other peer for failover, hedge, race, quorum or resume', async () => {
    const cases = [
      [[{ scripts: [failing] }, {}], {}],
      [[{ scripts: [slow, slow] }, {}], { policy: 'hedge' }],
      [[{}, {}], { policy: 'race:4' }],
      [[{}, {}], { policy: 'quorum:2-of-2' }],
      [[{ scripts: [breaking] }, {}], {}],
    ] as const
    for (const [peers, options] of cases) {
      const { requester, trusted, seen } = await swarmOf(peers)
      const { choices } = await requester.chat(body, { trusted, ...options })
      expect(choices[0]?.message.content).toBe('1, 2, 3, 4, 5, 6, 7, 8, 9.')
      expect(seen()).toBe(0)
    }
  })

  it('fails instead of falling back on others', async () => {
    const many = Array<Script>(50).fill(failing)
    const { requester, trusted, seen } = await swarmOf([{ scripts: many }, { scripts: many }])
    await expect(requester.chat(body, { trusted, maxAttempts: 3 })).rejects.toThrow(InferenceError)
    expect(seen()).toBe(0)
    const other = '12D3KooWBmAwcd4PJNJvfV89HwE48nwkRmAgo8Vy3uQEyNNHBox2'
    await expect(requester.chat(body, { trusted: [other] })).rejects.toMatchObject({
      code: 'no_peers',
      message: expect.stringContaining('5 others do, and are not asked'),
      details: { param: 'trusted' },
    })
    expect(seen()).toBe(0)
  })

  it('stays restricted in parts, too: choices, embeddings and batches', {
    timeout: 60_000,
  }, async () => {
    const { split, trusted, seen, context, requester } = await swarmOf()
    await split.chat({ ...body, n: 6 }, { trusted })
    const input = Array.from({ length: 200 }, (_, index) => `input ${index}`)
    await split.embed({ model: 'm', input }, { trusted })
    const requests = [1, 2, 3].map((id) => ({ id: String(id), kind: 'chat' as const, body }))
    const batch = runBatch({ ...context, requester: split, slots: requester.slots }, requests, {
      trusted,
    })
    for await (const { error } of batch) expect(error).toBeUndefined()
    expect(seen()).toBe(0)
  })

  it('must name peer ids: any peer can claim an operator tag', async () => {
    const { requester } = await swarmOf()
    for (const trusted of [[], ['alice'], ['']]) {
      await expect(requester.chat(body, { trusted })).rejects.toMatchObject({
        code: 'invalid_request',
        details: { param: 'trusted' },
      })
    }
  })
})

describe('the providers that may see a request', () => {
  async function asked(options: object): Promise<readonly [string, number]> {
    let calls = 0
    const fetch = async (): Promise<Response> => {
      calls += 1
      const message = { role: 'assistant', content: 'from the cloud' }
      const choices = [{ index: 0, message, finish_reason: 'stop' }]
      return Response.json({ id: 'x', object: 'chat.completion', model: 'big', choices })
    }
    const provider = { name: 'Cloud', baseUrl: 'http://cloud.example/v1', fetch }
    const swarm = await ScriptedSwarm.create([{}], { timeoutMs: 5_000, providers: [provider] })
    onTestFinished(() => swarm[Symbol.asyncDispose]())
    const trusted = swarm.peers.map(({ key }) => key)
    const named = 'trusted' in options ? { ...options, trusted } : options
    const { requester } = swarm.swarm
    const answer = await requester.chat({ ...body, model: 'cloud/big,m' }, named)
    return [answer.choices[0]?.message.content ?? '', calls]
  }
  const cloud = ['from the cloud', 1]
  const network = ['1, 2, 3, 4, 5, 6, 7, 8, 9.', 0]

  it.each([
    ['all', {}, cloud],
    ['those that it names', { providers: ['CLOUD'] }, cloud],
    ['no other', { providers: ['another'] }, network],
    ['none', { providers: [] }, network],
    ['none of a request for trusted peers', { trusted: true }, network],
    ['those that it names beside trusted peers', { trusted: true, providers: ['cloud'] }, cloud],
  ])('are %s', async (_, options, expected) => {
    expect(await asked(options)).toEqual(expected)
  })
})

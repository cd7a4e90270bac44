import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, it } from 'vitest'
import type { Backend } from '../../../../../backend/index.ts'
import type { Candidate } from '../../../../../client/request/candidate.ts'
import type { AuditSubject } from '../../../../../client/trust/audit/audit-subject.ts'
import { Auditor } from '../../../../../client/trust/audit/auditor.ts'
import { Reputation } from '../../../../../client/trust/reputation/reputation.ts'
import { specClassOf } from '../../../../../client/trust/reputation/spec-class.ts'
import {
  InferenceError,
  type ModelAdvertisement,
  type PositionScore,
  type ScoreRequest,
  type Usage,
} from '../../../../../protocol/index.ts'
import {
  advertisementOf,
  modelNamed,
  newPeerId,
} from '../../../../../testing/swarms/client-peers.ts'

const DIGEST = `sha256:${'5'.repeat(64)}`
const ANSWER = Array.from({ length: 24 }, (_, at) => at + 100)
const PROMPT_TEXT = 'Count.'

type Says = (body: ScoreRequest) => readonly PositionScore[] | Promise<readonly PositionScore[]>

const acquits = ({ completion, positions }: ScoreRequest): readonly PositionScore[] =>
  (positions ?? completion.map((_, at) => at)).map((position) => {
    const id = completion[position] ?? 0
    return { position, id, logprob: -0.01, top: [{ id, logprob: -0.01 }] }
  })
const accuses: Says = (body) =>
  acquits(body).map((score) => ({ ...score, logprob: -9, top: [{ id: 1, logprob: -0.01 }] }))
const throws =
  (error: InferenceError): Says =>
  () =>
    Promise.reject(error)
const silent: Says = () => new Promise(() => {})
const refuses = throws(
  new InferenceError('invalid_request', 'no such id', { details: { param: 'completion' } }),
)
const failure = (code: 'engine_failed' | 'over_capacity'): Says =>
  throws(new InferenceError(code, 'x'))

interface PeerInit {
  readonly at?: string
  readonly operator?: string
  readonly says?: Says
  readonly model?: Partial<ModelAdvertisement>
}

interface Swarm {
  readonly auditor: Auditor
  readonly reputation: Reputation
  readonly peers: readonly Candidate[]
  /** Indices, in the order in which they were asked. */
  readonly asked: number[]
  readonly bodies: ScoreRequest[]
  /** Milliseconds, and whatever is due by then happens. */
  readonly pass: (ms: number) => void
  usage: Usage | undefined
}

async function swarmOf(
  peers: readonly PeerInit[],
  { scorer, random = seeded(1) }: { scorer?: Backend; random?: () => number } = {},
): Promise<Swarm> {
  const candidates = await Promise.all(
    peers.map(async ({ at, operator = '', model }): Promise<Candidate> => {
      const peerId = await newPeerId()
      const served = modelNamed('m', {
        digest: DIGEST,
        capabilities: ['chat', 'completion', 'token_ids', 'score'],
        ...model,
      })
      const addresses = at === undefined ? [] : [multiaddr(at)]
      const advertisement = advertisementOf(peerId, [served], { addresses, operator })
      return { peerId, key: peerId.toString(), advertisement, model: served }
    }),
  )
  let nowMs = Date.now()
  const due: { readonly atMs: number; readonly run: () => void }[] = []
  const reputation = new Reputation(() => nowMs)
  const asked: number[] = []
  const bodies: ScoreRequest[] = []
  const swarm: Swarm = {
    ...{ reputation, peers: candidates, asked, bodies, usage: undefined },
    auditor: new Auditor({
      ...{ reputation, random, scorer, now: () => nowMs, seed: new Uint8Array(32) },
      directory: { known: () => candidates.map(({ advertisement }) => advertisement) },
      clock: {
        now: () => nowMs,
        wall: () => nowMs,
        after(ms, run) {
          const timer = { atMs: nowMs + ms, run }
          due.push(timer)
          return { [Symbol.dispose]: () => void due.splice(due.indexOf(timer), 1) }
        },
      },
      async score({ key }, body) {
        const index = candidates.findIndex((one) => one.key === key)
        asked.push(index)
        bodies.push(body)
        const scores = await (peers[index]?.says ?? acquits)(body)
        return { scores, usage: swarm.usage }
      },
    }),
    pass(ms) {
      nowMs += ms
      for (const { run } of due.filter(({ atMs }) => atMs <= nowMs)) run()
    },
  }
  return swarm
}

function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31
    return state / 2 ** 31
  }
}

function answerOf(
  candidate: Candidate | undefined,
  tokenIds: readonly number[] = ANSWER,
  kind: 'chat' | 'completion' = 'chat',
): AuditSubject {
  if (candidate === undefined) throw new Error('no such peer')
  const messages = [{ role: 'user' as const, content: PROMPT_TEXT }]
  const asked: AuditSubject['asked'] =
    kind === 'chat'
      ? { kind, body: { model: 'm', messages } }
      : { kind, body: { model: 'm', prompt: PROMPT_TEXT } }
  return {
    ...{ asked, tokenIds, temperature: 0 },
    parts: [{ candidate, from: 0, to: tokenIds.length }],
  }
}

const calm = (): { readonly signal: AbortSignal } => ({ signal: new AbortController().signal })

const at = (network: number, host = 1): string => `/ip4/5.${network}.1.${host}/tcp/4001`

async function outcomeOf(swarm: Swarm, subject: AuditSubject): Promise<string | undefined> {
  const [report] = await swarm.auditor.audit(subject, calm())
  return report?.outcome
}

/** Until something is true, by way of promises alone. */
async function until(holds: () => boolean): Promise<void> {
  for (let n = 0; n < 1_000 && !holds(); n += 1) await Promise.resolve()
  expect(holds()).toBe(true)
}

describe('many slandering identities of one network', () => {
  const table: readonly [honest: number, sybils: number][] = [
    [1, 2],
    [2, 6],
    [3, 8],
    [4, 8],
    [5, 8],
  ]
  const networks = {
    'one /24': (n: number) => `/ip4/9.9.9.${n}/tcp/4001`,
    'private addresses': (n: number) => `/ip4/10.0.0.${n}/tcp/4001`,
    'one relay': (n: number) =>
      `/ip4/9.9.${n}.9/tcp/1/p2p/12D3KooWEcpwDuY6oVrX861ug9zdsnGPW2BaGvx6TU8e1crxCkqV/p2p-circuit`,
  }
  for (const [name, addressOf] of Object.entries(networks)) {
    it.each(table)(`convict none of %i honest networks, being %i with ${name}`, async (H, S) => {
      const honest = Array.from({ length: H }, (_, n) => ({ at: at(n + 1) }))
      const sybils = Array.from({ length: S }, (_, n) => ({ at: addressOf(n + 1), says: accuses }))
      const swarm = await swarmOf([...honest, ...sybils])
      for (let n = 0; n < 60; n += 1) await outcomeOf(swarm, answerOf(swarm.peers[n % H]))
      const known = swarm.peers.slice(0, H).flatMap(({ key }) => swarm.reputation.report(key))
      expect(known.filter(({ strikes, state }) => strikes > 0 || state === 'quarantined')).toEqual(
        [],
      )
      // Two other honest networks say so against one voice.
      if (H > 3) expect(known.filter(({ state }) => state === 'proven')).toHaveLength(H)
      for (const { key, model } of swarm.peers.slice(0, H)) {
        expect(swarm.reputation.doubts(key, specClassOf(model))).toBe(0)
      }
    })
  }
})

describe('a cheat is convicted', () => {
  it('by two networks that agree, and not by two peers of one', async () => {
    const two = await swarmOf([
      { at: at(1) },
      { at: at(2), says: accuses },
      { at: at(3), says: accuses },
    ])
    expect(await outcomeOf(two, answerOf(two.peers[0]))).toBe('failed')
    const one = await swarmOf([
      { at: at(1) },
      { at: at(2, 1), says: accuses },
      { at: at(2, 2), says: accuses },
    ])
    expect(await outcomeOf(one, answerOf(one.peers[0]))).toBe('inconclusive')
    const operator = await swarmOf([
      { at: at(1) },
      { at: at(2), operator: 'ann', says: accuses },
      { at: at(3), operator: 'ann', says: accuses },
    ])
    expect(await outcomeOf(operator, answerOf(operator.peers[0]))).toBe('inconclusive')
  })

  it('by its neighbours, if all are on one machine or LAN', async () => {
    const near = await swarmOf([
      { at: '/ip4/192.168.1.2/tcp/4001' },
      { at: '/ip4/192.168.1.3/tcp/4001', says: accuses },
      { at: '/ip4/127.0.0.1/tcp/4001', says: accuses },
    ])
    expect(await outcomeOf(near, answerOf(near.peers[0]))).toBe('failed')
  })

  it('that claims the networks of all its scorers', async () => {
    const swarm = await swarmOf([
      { at: at(1) },
      ...[2, 3, 4, 5, 6].map((n) => ({ at: at(n), says: accuses })),
    ])
    const [cheat] = swarm.peers
    const claimed = [1, 2, 3, 4, 5, 6].map((n) => multiaddr(at(n, 9)))
    Object.assign(cheat?.advertisement ?? {}, { addresses: claimed })
    expect(await outcomeOf(swarm, answerOf(cheat))).toBe('failed')
  })

  it('by two that reject its token ids as not in the vocabulary', async () => {
    const swarm = await swarmOf([
      { at: at(1) },
      { at: at(2), says: refuses },
      { at: at(3), says: refuses },
    ])
    const [report] = await swarm.auditor.audit(answerOf(swarm.peers[0]), calm())
    expect(report).toMatchObject({
      outcome: 'failed',
      finding: expect.stringMatching(/vocabulary/),
    })
    expect(swarm.reputation.report(swarm.peers[0]?.key)).toMatchObject([{ strikes: 1 }])
  })

  it('not by one that rejects them, or by those that reject the request', async () => {
    const one = await swarmOf([{ at: at(1) }, { at: at(2), says: refuses }])
    expect(await outcomeOf(one, answerOf(one.peers[0]))).toBe('inconclusive')
    const says = throws(
      new InferenceError('invalid_request', 'x', { details: { param: 'messages' } }),
    )
    const other = await swarmOf([{ at: at(1) }, { at: at(2), says }, { at: at(3), says }])
    expect(await outcomeOf(other, answerOf(other.peers[0]))).toBe('inconclusive')
  })
})

describe('a long answer is rated by its head', () => {
  const long = Array.from({ length: 9_000 }, (_, n) => n)

  it('within the wire’s limit', async () => {
    const swarm = await swarmOf([{}, {}, {}])
    expect(await outcomeOf(swarm, answerOf(swarm.peers[0], long))).toBe('passed')
    expect(swarm.bodies[0]?.completion).toEqual(long.slice(0, 1_024))
  })

  it('within the context of the scorer', async () => {
    const says: Says = (body) => {
      const promptTokens = 300 + body.completion.length
      if (promptTokens < 512) return acquits(body)
      throw new InferenceError('context_too_long', 'x', {
        details: { promptTokens, contextLength: 512 },
      })
    }
    const swarm = await swarmOf([{}, { says }])
    expect(await outcomeOf(swarm, answerOf(swarm.peers[0], long))).toBe('passed')
    expect(swarm.bodies.map(({ completion }) => completion.length)).toEqual([1_024, 211])
  })

  it('at most twice, whatever context the scorer reports', async () => {
    const details = { promptTokens: 2_000, contextLength: 1_999 }
    const says = throws(new InferenceError('context_too_long', 'x', { details }))
    const swarm = await swarmOf([{}, { says }])
    expect(await outcomeOf(swarm, answerOf(swarm.peers[0], long))).toBe('inconclusive')
    expect(swarm.asked).toEqual([1, 1, 1])
  })
})

describe('a chat is rated', () => {
  const other = { templateHash: `sha256:${'8'.repeat(64)}` }

  it('only by engines with the same template; a plain completion by any', async () => {
    const swarm = await swarmOf([
      {},
      { model: other, says: accuses },
      { model: other, says: accuses },
    ])
    expect(await outcomeOf(swarm, answerOf(swarm.peers[0]))).toBe('inconclusive')
    expect(swarm.asked).toEqual([])
    expect(await outcomeOf(swarm, answerOf(swarm.peers[0], ANSWER, 'completion'))).toBe('failed')
  })

  it('not with unknown templates, or by an own engine with another template', async () => {
    const unknown = { templateHash: '' }
    const swarm = await swarmOf([{ model: unknown }, { model: unknown }])
    expect(await outcomeOf(swarm, answerOf(swarm.peers[0]))).toBe('inconclusive')
    const own = await swarmOf([{}], { scorer: engine(other, acquits) })
    expect(await outcomeOf(own, answerOf(own.peers[0]))).toBe('inconclusive')
  })
})

describe('the caller’s own engine', () => {
  it('decides alone', async () => {
    const swarm = await swarmOf([{}, {}, {}], { scorer: engine({}, accuses) })
    const [report] = await swarm.auditor.audit(answerOf(swarm.peers[0]), calm())
    expect(report).toMatchObject({ outcome: 'failed', by: ['self'] })
    expect(swarm.asked).toEqual([])
  })

  it('is skipped if it fails', async () => {
    const swarm = await swarmOf([{}, {}, {}], { scorer: engine({}, failure('engine_failed')) })
    const [report] = await swarm.auditor.audit(answerOf(swarm.peers[0]), calm())
    expect(report).toMatchObject({ outcome: 'passed' })
    expect(report?.by).toHaveLength(2)
  })

  it('is skipped if it stalls', async () => {
    const swarm = await swarmOf([{}, {}, {}], { scorer: engine({}, silent) })
    const audit = swarm.auditor.audit(answerOf(swarm.peers[0]), calm())
    await settle()
    swarm.pass(11_000)
    expect(await audit).toMatchObject([{ outcome: 'passed' }])
  })
})

describe('a scorer that falls silent', () => {
  it('ends the audit without a verdict, within its deadline', async () => {
    const swarm = await swarmOf([{}, { says: silent }])
    const audit = swarm.auditor.audit(answerOf(swarm.peers[0]), calm())
    await until(() => swarm.asked.length === 1)
    swarm.pass(11_000)
    expect(await audit).toMatchObject([{ outcome: 'inconclusive', by: [] }])
  })

  it('leaves time for another scorer, however little time the caller has', async () => {
    const swarm = await swarmOf([{}, { says: silent }, {}], { random: () => 0 })
    const audit = swarm.auditor.audit(answerOf(swarm.peers[0]), { ...calm(), withinMs: 1_000 })
    await until(() => swarm.asked.length === 1)
    swarm.pass(501)
    expect(await audit).toMatchObject([{ outcome: 'passed' }])
    expect(swarm.asked).toEqual([1, 2])
  })

  it('does not outlast the caller’s signal, whose reason is thrown', async () => {
    const swarm = await swarmOf([{}, { says: silent }])
    const controller = new AbortController()
    const audit = swarm.auditor.audit(answerOf(swarm.peers[0]), { signal: controller.signal })
    await until(() => swarm.asked.length === 1)
    controller.abort(new Error('enough'))
    await expect(audit).rejects.toThrow('enough')
  })

  it('does not convict if the time is over before all were asked', async () => {
    const says = [accuses, accuses, silent]
    const swarm = await swarmOf([{}, ...says.map((one) => ({ says: one }))], { random: () => 0 })
    const audit = swarm.auditor.audit(answerOf(swarm.peers[0]), { ...calm(), withinMs: 1_000 })
    await until(() => swarm.asked.length === 3)
    swarm.pass(1_001)
    expect(await audit).toMatchObject([{ outcome: 'inconclusive' }])
  })

  it('is not asked, then asked last, then treated like others', async () => {
    const swarm = await swarmOf([{}, { says: silent }, {}], { random: () => 0 })
    const first = async (): Promise<number | undefined> => {
      swarm.asked.length = 0
      const audit = swarm.auditor.audit(answerOf(swarm.peers[0]), calm())
      await until(() => swarm.asked.includes(2))
      await audit
      return swarm.asked[0]
    }
    const audit = swarm.auditor.audit(answerOf(swarm.peers[0]), calm())
    await until(() => swarm.asked.length === 1)
    swarm.pass(11_000)
    await audit
    // Proven, it needs one word only.
    for (let n = 0; n < 3; n += 1) expect(await first()).toBe(2)
    swarm.pass(31_000)
    expect(await first()).toBe(2)
    swarm.pass(300_000)
    swarm.asked.length = 0
    void swarm.auditor.audit(answerOf(swarm.peers[0]), calm())
    await until(() => swarm.asked.length === 1)
    expect(swarm.asked).toEqual([1])
  })

  it('does not prevent background audits of a newcomer', async () => {
    const swarm = await swarmOf([{ at: at(1) }, { at: at(2) }, { at: at(3), says: silent }])
    const audits = Array.from({ length: 60 }, () =>
      swarm.auditor.inBackground(answerOf(swarm.peers[0]), calm().signal),
    )
    await settle()
    swarm.pass(11_000)
    await Promise.all(audits)
    expect(swarm.auditor.spent.answers).toBe(60)
    expect(swarm.asked.filter((index) => index === 2).length).toBeLessThanOrEqual(4)
  })
})

describe('the cost of an audit', () => {
  it('is the usage that scorers report, within plausible limits', async () => {
    const usage = (promptTokens: number): Usage => ({
      ...{ promptTokens, completionTokens: 0, cachedPromptTokens: 0 },
    })
    const costOf = async (promptTokens: number): Promise<number> => {
      const swarm = await swarmOf([{}, {}])
      swarm.usage = usage(promptTokens)
      const [report] = await swarm.auditor.audit(answerOf(swarm.peers[0]), calm())
      expect(swarm.auditor.spent).toEqual({ answers: 1, tokens: report?.tokens })
      return report?.tokens ?? 0
    }
    expect(await costOf(40)).toBe(40)
    expect(await costOf(0)).toBe(24)
    expect(await costOf(1e9)).toBeLessThan(1_200)
  })

  it('includes engines that failed while reading, but not those that refused', async () => {
    const costOf = async (says: Says): Promise<number> => {
      const swarm = await swarmOf([{}, { says }])
      await outcomeOf(swarm, answerOf(swarm.peers[0]))
      expect(swarm.auditor.spent.answers).toBe(0)
      return swarm.auditor.spent.tokens
    }
    expect(await costOf(failure('engine_failed'))).toBeGreaterThan(24)
    expect(await costOf(failure('over_capacity'))).toBe(0)
  })

  it('is 0 for an answer under eight tokens, which would prove nothing', async () => {
    const swarm = await swarmOf([{}, {}, {}], { scorer: engine({}, acquits) })
    expect(await outcomeOf(swarm, answerOf(swarm.peers[0], ANSWER.slice(0, 7)))).toBe(
      'inconclusive',
    )
    await swarm.auditor.inBackground(answerOf(swarm.peers[0], ANSWER.slice(0, 7)), calm().signal)
    expect(swarm.asked).toEqual([])
    expect(swarm.auditor.spent).toEqual({ answers: 0, tokens: 0 })
  })
})

/** Everything that promises set off. */
async function settle(): Promise<void> {
  for (let n = 0; n < 200; n += 1) await Promise.resolve()
}

function engine(model: Partial<ModelAdvertisement>, says: Says): Backend {
  const capabilities = ['chat', 'score'] as const
  return {
    description: 'own',
    load: () => Promise.reject(new Error('not here')),
    models: async () => [modelNamed('m', { digest: DIGEST, capabilities, ...model })],
    async *infer(request) {
      const scores = await says(request.body as ScoreRequest)
      const json = { object: 'score', scores } as const
      yield { type: 'chunk', json, tokenIds: [], logprobs: [] }
    },
    [Symbol.asyncDispose]: async () => {},
  }
}

import { describe, expect, it, onTestFinished } from 'vitest'
import { Reputation } from '../../../../client/trust/reputation/reputation.ts'
import { type ScriptedPeerInit, ScriptedSwarm } from '../../../../testing/swarms/scripted-swarm.ts'

const body = {
  model: 'm',
  temperature: 0,
  messages: [{ role: 'user', content: 'Count from 1 to 9.' }],
} as const
const model = { capabilities: ['chat', 'token_ids', 'score'] } as const

async function swarmOf(peers: readonly ScriptedPeerInit[], timeoutMs = 10_000) {
  const reputation = new Reputation(Date.now)
  const scripted = await ScriptedSwarm.create(peers, { timeoutMs, reputation })
  onTestFinished(() => scripted[Symbol.asyncDispose]())
  return { ...scripted, reputation, requester: scripted.swarm.requester, peers: scripted.peers }
}

describe('an answer that is verified while the caller waits', () => {
  it('arrives before the caller’s deadline, without a verdict, if its scorer is silent', async () => {
    const stall = { gate: new Promise<void>(() => {}) }
    const { requester } = await swarmOf([{ model }, { model, scripts: [stall] }], 2_000)
    const { choices, skein } = await requester.chat(body, { verify: 'always', policy: 'single' })
    expect(choices[0]?.message.content).toBe('1, 2, 3, 4, 5, 6, 7, 8, 9.')
    expect(skein.verification).toMatchObject({
      ...{ status: 'unverified', why: 'no-answer' },
      parts: [{ outcome: 'inconclusive', by: [] }],
    })
  })

  it('fails with token ids outside the vocabulary, and reports that as evidence', async () => {
    const { requester, peers, reputation } = await swarmOf([{ model }, { model }, { model }])
    const [liar] = peers
    if (liar === undefined) throw new Error('no peer')
    const { engine } = liar
    const honest = engine.infer.bind(engine)
    engine.infer = async function* (request, options) {
      for await (const event of honest(request, options)) {
        if (request.kind !== 'chat' || event.type !== 'chunk') yield event
        else yield { ...event, tokenIds: event.tokenIds.map((id) => id + 4_000_000_000) }
      }
    }
    const options = { verify: 'always', policy: 'single' } as const
    const answer = requester.streamChat(body, options)
    await expect(Array.fromAsync(answer)).rejects.toMatchObject({
      code: 'verification_failed',
      message: expect.stringMatching(/not in its vocabulary/),
    })
    expect(reputation.report(liar.key)).toMatchObject([{ strikes: 1 }])
  })
})

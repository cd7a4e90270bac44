import { describe, expect, it, onTestFinished } from 'vitest'
import { createOllamaBackend, createOpenAiBackend, type Fetch } from '../../../../backend/index.ts'
import { delta, events, json, lines } from '../../../../testing/engines/fake-engine.ts'
import { createHarness } from '../../../../testing/swarms/node-harness.ts'
import { ScriptedSwarm } from '../../../../testing/swarms/scripted-swarm.ts'

const COUNT = '1, 2, 3, 4, 5, 6, 7, 8'
const messages = [{ role: 'user', content: 'Count from 1 to 8.' }]

interface Body {
  readonly messages?: readonly { readonly role: string; readonly content: string }[]
  readonly prompt?: string
}

/** The rest of the count after a final assistant message, or after the count in a raw prompt. */
function restOf({ messages: asked = [], prompt = '' }: Body): string {
  const last = asked.at(-1)
  const begun = last?.role === 'assistant' ? last.content : (/1, .*$/.exec(prompt)?.[0] ?? '')
  return COUNT.slice(begun.length)
}

type Answers = Readonly<Record<string, (body: Body) => Response>>

const fetchOf =
  (answers: Answers): Fetch =>
  async (url, { body }) => {
    const answer = answers[new URL(url).pathname]
    const sent = (body === undefined ? {} : JSON.parse(String(body))) as Body
    return answer?.(sent) ?? json({ error: 'no such path' }, 404)
  }

const OLLAMA: Answers = {
  '/api/tags': () => json({ models: [{ name: 'm:latest', digest: 'a' }] }),
  '/api/ps': () => json({ models: [] }),
  '/api/show': () => json({ capabilities: ['completion'], model_info: {} }),
  '/api/chat': (body) =>
    lines({ message: { content: restOf(body) } }, { message: { content: '' }, done: true }),
  '/api/generate': (body) => lines({ response: restOf(body) }, { response: '', done: true }),
}
const SGLANG: Answers = {
  '/v1/models': () => json({ data: [{ id: 'm', owned_by: 'sglang' }] }),
  '/v1/chat/completions': (body) => events(delta(restOf(body), 'stop'), '[DONE]'),
}

/** A swarm whose first peer is lost in mid-answer, and whose second peer has this engine. */
async function swarmWith(answers: Answers): Promise<ScriptedSwarm> {
  const fetch = fetchOf(answers)
  const backend =
    answers === OLLAMA
      ? createOllamaBackend({ baseUrl: 'http://engine', fetch })
      : createOpenAiBackend({ baseUrl: 'http://engine', fetch })
  onTestFinished(() => backend[Symbol.asyncDispose]())
  const models = await backend.models()
  const swarm = await ScriptedSwarm.create([
    { scripts: [{ answer: COUNT, fault: { type: 'end', afterTokens: 9 } }] },
  ])
  onTestFinished(() => swarm[Symbol.asyncDispose]())
  const harness = await createHarness({ backend, clock: swarm.swarm.clock })
  await swarm.swarm.add((stream) => harness.serve(stream), { models })
  return swarm
}

describe('the seam in the record of an answer that went on', () => {
  it.each([
    ['a chat at Ollama', OLLAMA, 'message'],
    ['a chat at SGLang', SGLANG, 'message'],
  ] as const)('is a final assistant message: %s', async (_, answers, seam) => {
    const { swarm } = await swarmWith(answers)
    const answer = swarm.requester.streamChat({ model: 'm', messages }, {})
    let text = ''
    for await (const { choices } of answer) text += choices[0]?.delta.content ?? ''
    expect(text).toBe(COUNT)
    expect(answer.event?.attempts).toMatchObject([
      { outcome: 'engine_failed' },
      { outcome: 'answered', reason: 'resume', exact: false, seam },
    ])
  })

  it('is raw text where the caller sent a prompt', async () => {
    const { swarm } = await swarmWith(OLLAMA)
    const answer = swarm.requester.streamCompletion(
      { model: 'm', prompt: 'Count from 1 to 8.' },
      {},
    )
    let text = ''
    for await (const { choices } of answer) text += choices[0]?.text ?? ''
    expect(text).toBe(COUNT)
    expect(answer.event?.attempts.at(-1)).toMatchObject({ outcome: 'answered', seam: 'text' })
  })
})

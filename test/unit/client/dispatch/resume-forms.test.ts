import { describe, expect, it } from 'vitest'
import type { Script } from '../../../../backend/index.ts'
import type { RequestEvent, RequestOptions } from '../../../../client/index.ts'
import { ToolCallAssembly } from '../../../../client/request/index.ts'
import type { InferenceError, ToolCall } from '../../../../protocol/index.ts'
import { RESUME_FORMS, resumeField } from '../../../../protocol/index.ts'
import { ScriptedSwarm } from '../../../../testing/swarms/scripted-swarm.ts'

const tools = ['read', 'edit', 'run'].map((name) => ({ type: 'function', function: { name } }))
const asked = { model: 'm', messages: [{ role: 'user', content: 'Mend it.' }], tools }
const TALKS: Script = { reasoning: 'Hm.', answer: 'I see.' }
const CALLS = [
  { name: 'read', arguments: '{"a":1}' },
  { name: 'edit', arguments: '{"b":2}' },
  { name: 'run', arguments: '{}' },
]
/** Tokens of reasoning, answer and calls. */
const LENGTH = 3 + 6 + 8 + 8 + 3

const fields = RESUME_FORMS.flatMap((form) => [resumeField(form, 'ids'), resumeField(form, 'text')])
const capabilities = ['chat', 'tools', 'token_ids', 'json_schema'] as const
const byIds = { fields, capabilities }
const byText = { ...byIds, digest: `sha256:${'6'.repeat(64)}` }

interface Seen {
  readonly reasoning: string
  readonly text: string
  readonly calls: readonly ToolCall[]
  readonly fragments: number
  readonly finish: string | null
  readonly event: RequestEvent
  readonly error: InferenceError | undefined
}

async function read(
  { swarm }: ScriptedSwarm,
  body: object = asked,
  options: RequestOptions = {},
): Promise<Seen> {
  const answer = swarm.requester.streamChat(body, options)
  const assembly = new ToolCallAssembly()
  const seen = { reasoning: '', text: '', fragments: 0, finish: null as string | null }
  let error: InferenceError | undefined
  try {
    for await (const { choices } of answer) {
      const { delta, finish_reason: finish } = choices[0] ?? { delta: {}, finish_reason: null }
      seen.reasoning += delta.reasoning_content ?? ''
      seen.text += delta.content ?? ''
      seen.fragments += (delta.tool_calls ?? []).length
      seen.finish ??= finish
      assembly.add(delta.tool_calls ?? [])
    }
  } catch (thrown) {
    error = thrown as InferenceError
  }
  const { event } = answer
  if (event === undefined) throw new Error('no event after the end')
  return { ...seen, calls: assembly.calls(), event, error }
}

const named = (calls: readonly ToolCall[]) => calls.map((call) => call.function)

async function broken(
  script: Script,
  {
    afterTokens,
    next,
    options = {},
  }: { afterTokens: number; next: object; options?: RequestOptions },
): Promise<Seen> {
  const dying = { ...script, fault: { type: 'end', afterTokens } } as const
  await using swarm = await ScriptedSwarm.create([
    { scripts: [dying], model: byIds },
    { scripts: [script], model: next },
  ])
  return await read(swarm, asked, options)
}

describe('an answer with reasoning and three tool calls that breaks off', () => {
  const script = { ...TALKS, toolCalls: CALLS }
  const cuts = Array.from({ length: LENGTH }, (_, at) => at + 1)

  it.each([
    ['its token ids', byIds],
    ['its text', byText],
  ])('goes on from %s wherever it breaks, and each call comes once and whole', async (_, next) => {
    for (const afterTokens of cuts) {
      const { reasoning, text, calls, finish, fragments, event } = await broken(script, {
        ...{ afterTokens, next },
      })
      expect([afterTokens, reasoning, text, finish]).toEqual([
        ...[afterTokens, 'Hm.', 'I see.', 'tool_calls'],
      ])
      expect(named(calls)).toEqual(CALLS)
      expect([fragments, new Set(calls.map(({ id }) => id)).size]).toEqual([3, 3])
      const [, { seam, exact } = {}] = event.attempts
      expect([seam, exact]).toEqual(next === byIds ? ['token-ids', true] : ['text', false])
      expect(event).toMatchObject({ outcome: 'answered', resumes: 1, exact: next === byIds })
    }
  })

  it('counts each token of the caller once', async () => {
    const whole = await broken(script, { afterTokens: LENGTH + 1, next: byIds })
    for (const next of [byIds, byText]) {
      const { event } = await broken(script, { afterTokens: 14, next })
      expect(event.usage?.completionTokens).toBe(whole.event.usage?.completionTokens)
    }
  })
})

describe('an answer that is only a call', () => {
  const script = { toolCalls: CALLS.slice(0, 1) }

  it('begins anew at any peer, whatever it resumes, since the caller has seen nothing', async () => {
    for (const resume of ['same-model', 'off'] as const) {
      const next = { capabilities, fields: [], resume: 'none', digest: byText.digest }
      const seen = await broken(script, { afterTokens: 4, next, options: { resume } })
      expect(named(seen.calls)).toEqual(script.toolCalls)
      expect(seen.event).toMatchObject({ outcome: 'answered', resumes: 1 })
      expect(seen.event.attempts[1]).toMatchObject({ seam: 'start' })
    }
  })

  it('comes in fragments to a caller that asks for them, and then cannot go on', async () => {
    const options = { toolCalls: 'stream' } as const
    const whole = await broken(script, { afterTokens: 99, next: byIds, options })
    expect([whole.fragments, named(whole.calls)]).toEqual([8, script.toolCalls])
    const cut = await broken(script, { afterTokens: 4, next: byIds, options })
    expect(cut.error).toMatchObject({ code: 'not_resumable' })
  })

  it('is delivered as far as it came if the caller limits its length', async () => {
    await using swarm = await ScriptedSwarm.create([{ scripts: [script], model: byIds }])
    const seen = await read(swarm, { ...asked, max_tokens: 4 })
    expect([seen.finish, named(seen.calls)]).toEqual([
      ...['length', [{ name: 'read', arguments: '{"a' }]],
    ])
  })
})

describe('arguments of a call', () => {
  const strict = {
    ...asked,
    tools: [
      {
        type: 'function',
        function: {
          name: 'read',
          strict: true,
          parameters: {
            type: 'object',
            properties: { file: { type: 'string', pattern: '^(a+)+$' } },
            required: ['file'],
            additionalProperties: false,
          },
        },
      },
    ],
  }
  const calls = (text: string): Script => ({ toolCalls: [{ name: 'read', arguments: text }] })

  it.each([
    ['not JSON', asked, '{"file":'],
    ['not an object', asked, '["a"]'],
    ['without a field that a strict schema requires', strict, '{}'],
    ['of a type that a strict schema excludes', strict, '{"file":1}'],
    ['with a field that a strict schema excludes', strict, '{"file":"a","more":1}'],
  ])('that are %s are not shown: another peer is asked', async (_, body, text) => {
    await using swarm = await ScriptedSwarm.create([
      { scripts: [calls(text)], model: byIds },
      { scripts: [calls('{"file":"b"}')], model: byIds },
    ])
    const seen = await read(swarm, body)
    expect(named(seen.calls)).toEqual([{ name: 'read', arguments: '{"file":"b"}' }])
    expect(seen.event.attempts[0]).toMatchObject({ outcome: 'engine_failed' })
  })

  it('are an error if two peers write them badly', async () => {
    const bad = { scripts: [calls('{"file"')], model: byIds }
    await using swarm = await ScriptedSwarm.create([bad, { ...bad, scripts: [...bad.scripts] }])
    const { error, fragments } = await read(swarm)
    expect(error).toMatchObject({ code: 'engine_failed' })
    expect(error?.message).toContain("called 'read' with arguments that are not a JSON object")
    expect(fragments).toBe(0)
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Backend, type BackendEvent, createOllamaBackend } from '../../../backend/index.ts'
import { callFormatIn } from '../../../backend/ollama/call-format.ts'
import { thoughtLayoutIn, withAnswer } from '../../../backend/ollama/thought-layout.ts'
import type { AnswerRequest, Resume } from '../../../protocol/index.ts'
import { chat } from '../../../testing/engines/fake-engine.ts'
import { type MarkedOllamaInit, markedOllama } from '../../../testing/engines/marked-ollama.ts'
import { collect } from '../../conformance/backend-answers.ts'

const NUMBERS = Array.from({ length: 20 }, (_, index) => index + 1).join(', ')
const TRIAL = { thought: 'The user wants me to count from 1 to 20.', text: NUMBERS, calls: [] }
const WEATHER = { type: 'function', function: { name: 'weather', parameters: { type: 'object' } } }
const KIND: MarkedOllamaInit = {
  scripts: {
    'Count from 1 to 20.': TRIAL,
    numbers: { thought: 'Only numbers < 21, and no </thing>.', text: NUMBERS, calls: [] },
    weather: {
      thought: 'Two cities.',
      text: 'Let me look:\n\n',
      calls: [
        { name: 'weather', arguments: { city: 'Oslo "by the sea" }' } },
        { name: 'weather', arguments: { city: 'Rome', days: [1, 2] } },
      ],
    },
    silent: { thought: 'A call.', text: '', calls: [{ name: 'weather', arguments: {} }] },
  },
  opens: false,
  shows: true,
  calls: 'hermes',
}

interface Shown {
  readonly text: string
  readonly reasoning: string
  readonly calls: readonly string[]
  readonly finish: readonly string[]
}

function shown(events: readonly BackendEvent[]): Shown {
  const all = { text: '', reasoning: '', calls: [] as string[], finish: [] as string[] }
  for (const event of events) {
    if (event.type === 'done' || !('object' in event.json)) continue
    if (event.json.object !== 'chat.completion.chunk') continue
    for (const { delta, finish_reason: finish } of event.json.choices) {
      all.text += delta.content ?? ''
      all.reasoning += delta.reasoning_content ?? ''
      for (const call of delta.tool_calls ?? []) all.calls.push(JSON.stringify(call.function))
      if (finish !== null) all.finish.push(finish)
    }
  }
  return all
}

/** Breaks an answer after so many chunks, has it continued, and joins both as a client does. */
async function rejoined(backend: Backend, request: AnswerRequest, broken: number) {
  const { events } = await collect(backend.infer(request))
  const before = shown(events.slice(0, broken))
  const resume: Resume = {
    ...{ tokenIds: [], text: before.text, deliveredBytes: Buffer.byteLength(before.text) },
    ...{ tokens: broken, ...(before.reasoning !== '' && { reasoning: before.reasoning }) },
  }
  const rest = shown((await collect(backend.infer(request, { resume }))).events)
  const joined = {
    text: before.text + rest.text,
    reasoning: before.reasoning + rest.reasoning,
    // Calls are held back until the answer ends, and written anew.
    ...{ calls: rest.calls, finish: rest.finish },
  }
  return { joined, whole: shown(events) }
}

describe('an answer with thoughts and calls at an Ollama whose template closes every message', () => {
  it.each([
    ['thoughts that the model opens', { opens: false }],
    ['thoughts that the prompt opens', { opens: true }],
  ])('continues wherever it breaks, in as many tokens as it may have: %s', async (_, kind) => {
    await using backend = createOllamaBackend({ fetch: markedOllama({ ...KIND, ...kind }) })
    const [model] = await backend.models()
    expect(model?.resume).toBe('prefill')
    expect(model?.fields).toEqual(
      expect.arrayContaining(['resume.tools.text', 'resume.reasoning.text', 'resume.json.text']),
    )
    const asked = fc.constantFrom('numbers', 'weather', 'silent')
    await fc.assert(
      fc.asyncProperty(asked, fc.integer({ min: 40, max: 400 }), fc.nat(60), async (...given) => {
        const [content, allowed, at] = given
        const tools = content === 'numbers' ? {} : { tools: [WEATHER] }
        const messages = [{ role: 'user', content }]
        const request = chat({ messages, max_tokens: allowed, temperature: 0, ...tools })
        const { events } = await collect(backend.infer(request))
        const last = events.findIndex((event) => shown([event]).calls.length > 0)
        // With all its text, an answer has nothing left but its end.
        const broken = Math.max(1, Math.min(at, (last < 0 ? events.length - 2 : last) - 1))
        const { joined, whole } = await rejoined(backend, request, broken)
        expect(joined).toEqual(whole)
      }),
      { numRuns: 60 },
    )
  })

  it('is refused where the template does not show how thoughts are marked', async () => {
    await using backend = createOllamaBackend({ fetch: markedOllama({ ...KIND, shows: false }) })
    const [model] = await backend.models()
    expect(model?.resume).toBe('none')
    const resume: Resume = { tokenIds: [], text: '1,', deliveredBytes: 2 }
    await expect(collect(backend.infer(chat(), { resume }))).rejects.toMatchObject({
      code: 'not_resumable',
    })
  })

  it('is refused with tools where calls are written in a format that is not read', async () => {
    await using backend = createOllamaBackend({ fetch: markedOllama({ ...KIND, calls: 'own' }) })
    const [model] = await backend.models()
    expect(model?.fields).toContain('resume.reasoning.text')
    expect(model?.fields).not.toContain('resume.tools.text')
    const messages = [{ role: 'user', content: 'weather' }]
    const begun = [...messages, { role: 'assistant', content: 'Let me' }]
    await expect(
      collect(backend.infer(chat({ messages: begun, tools: [WEATHER] }))),
    ).rejects.toMatchObject({ code: 'capability_unavailable' })
  })

  it("continues a caller's own beginning, after closed thoughts", async () => {
    const fetch = markedOllama({ ...KIND, opens: true })
    await using backend = createOllamaBackend({ fetch })
    await backend.models()
    const messages = [
      { role: 'user', content: 'numbers' },
      { role: 'assistant', content: '1, 2, 3,' },
    ]
    const { events } = await collect(backend.infer(chat({ messages, temperature: 0 })))
    expect(shown(events)).toMatchObject({ text: NUMBERS.slice(8), reasoning: '' })
  })
})

describe('the layout of thoughts in a rendered message', () => {
  const SHOWN = { reasoning: 'A thought.', text: 'A text.' }
  it.each([
    ['<|a|><think>A thought.</think>\nA text.<|e|>', '<think>', '</think>'],
    ['<|a|>\n<think>\nA thought.\n</think>\n\nA text.', '<think>', '</think>'],
    ['[THINK]A thought.[/THINK]A text.', '[THINK]', '[/THINK]'],
    ['<seed:think>A thought.</seed:think>A text.', '<seed:think>', '</seed:think>'],
  ])('is found: %j', (rendered, open, close) => {
    const layout = thoughtLayoutIn(rendered, SHOWN)
    expect(layout?.marks).toEqual({ open, close })
    const prompt = rendered.slice(0, rendered.indexOf(open))
    const end = rendered.indexOf('A text.') + 'A text.'.length
    expect(withAnswer(prompt, SHOWN, layout)).toBe(rendered.slice(0, end))
  })

  it.each([
    ['no thought', '<|a|>A text.'],
    ['no text', '<think>A thought.</think><|e|>'],
    ['marks that are no pair', '<think>A thought.</thought>A text.'],
    [
      "gpt-oss' channels",
      '<|channel|>analysis<|message|>A thought.<|end|><|start|>assistant A text.',
    ],
    ['no marks', 'A thought. A text.'],
  ])('is not found: %s', (_, rendered) => {
    expect(thoughtLayoutIn(rendered, SHOWN)).toBeUndefined()
  })
})

describe('the format of calls in a rendered message', () => {
  const call = (key: string) => `{"name": "noop", "${key}": {"shown":"here"}}`
  it.each([
    [`<|a|><tool_call>\n${call('arguments')}\n</tool_call>`, 'hermes'],
    [`[TOOL_CALLS] [${call('arguments')}]</s>`, 'mistral'],
    [`<|end_header_id|>\n\n${call('parameters')}<|eot_id|>`, 'llama3'],
    [`<function=noop>{"shown":"here"}</function>`, undefined],
    [`<|a|>${call('arguments')}`, undefined],
  ])('is found: %j', (rendered, name) => {
    expect(callFormatIn(rendered)?.name).toBe(name)
  })
})

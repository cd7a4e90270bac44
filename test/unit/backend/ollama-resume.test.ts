import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createOllamaBackend, type Fetch } from '../../../backend/index.ts'
import type { Resume } from '../../../protocol/index.ts'
import { chat, json, lines } from '../../../testing/engines/fake-engine.ts'
import { collect } from '../../conformance/backend-answers.ts'

const ANSWER = Array.from({ length: 30 }, (_, index) => index + 1).join(', ')
const THOUGHT = 'The user wants me to count from one to thirty, with commas.'
const THINKS = '</think>'

interface Body {
  readonly messages?: readonly { role: string; content: string; thinking?: string }[]
  readonly prompt?: string
  readonly stream: boolean
  readonly _debug_render_only?: boolean
  readonly options: { readonly num_predict: number }
}

/**
 * An Ollama whose tokens are characters, and whose pieces hold several of them. `open`: its template continues a final
 * assistant message.
 */
function ollama({ open, thinks }: { readonly open: boolean; readonly thinks: boolean }): Fetch {
  const restAfter = (thought: string, text: string): string => {
    if (text !== '' || !thinks) return ANSWER.slice(ANSWER.startsWith(text) ? text.length : 0)
    return THOUGHT.slice(thought.length) + THINKS + ANSWER
  }
  const rendered = ({ messages = [] }: Body) => {
    const last = messages.at(-1)
    const isBegun = open && last?.role === 'assistant'
    const before = isBegun ? messages.slice(0, -1) : messages
    const { content: text = '', thinking: thought = '' } = (isBegun ? last : undefined) ?? {}
    const closed = thinks && text !== '' ? THINKS : ''
    const prompt = `${before.map((message) => `<${message.role}>${message.content}`).join('')}<assistant>`
    return { thought, text, prompt: prompt + thought + closed + text }
  }
  const answer = (path: string, body: Body): Response => {
    const form = path === '/api/chat' ? 'chat' : 'generate'
    const { thought, text, prompt } =
      form === 'chat'
        ? rendered(body)
        : {
            ...{ thought: '', prompt: body.prompt ?? '' },
            text: (body.prompt ?? '').split('<assistant>')[1] ?? '',
          }
    if (body._debug_render_only === true) {
      return json({ _debug_info: { rendered_template: prompt } })
    }
    const rest = restAfter(thought, text)
    const written = rest.slice(0, body.options.num_predict)
    const thinksOn = thinks && text === '' ? THOUGHT.length - thought.length : 0
    const thinking = written.slice(0, thinksOn)
    // What may be the end of thoughts is held back.
    const content = written.slice(thinking.length).replace(/^<[^>]*>?/, '')
    const message = (content: string, thinking: string): object =>
      form === 'chat'
        ? { message: { content, ...(thinking !== '' && { thinking }) } }
        : { response: content }
    const end = {
      done: true,
      done_reason: written.length < rest.length ? 'length' : 'stop',
      prompt_eval_count: prompt.length,
      eval_count: written.length,
    }
    if (!body.stream) return json({ ...message(content, thinking), ...end })
    return lines(
      ...piecesOf(thinking).map((piece) => message('', piece)),
      ...piecesOf(content).map((piece) => message(piece, '')),
      { ...message('', ''), ...end },
    )
  }
  return async (url, init) => {
    const { pathname } = new URL(url)
    switch (pathname) {
      case '/api/tags':
        return json({ models: [{ name: 'm:latest', digest: 'a' }] })
      case '/api/ps':
        return json({ models: [] })
      case '/api/version':
        return json({ version: '0.17.4' })
      case '/api/show':
        return json({
          modelfile: 'FROM /blobs/sha256-1',
          capabilities: ['completion', ...(thinks ? ['thinking'] : [])],
          model_info: { 'general.architecture': 'llama', 'llama.context_length': 4096 },
        })
      default:
        return answer(pathname, JSON.parse(String(init.body)) as Body)
    }
  }
}

/** Of three tokens each. */
function piecesOf(text: string): string[] {
  return text.match(/.{1,3}/g) ?? []
}

function textsOf(events: Awaited<ReturnType<typeof collect>>['events']): {
  text: string
  thought: string
} {
  const all = { text: '', thought: '' }
  for (const event of events) {
    if (event.type === 'done' || !('object' in event.json)) continue
    if (event.json.object !== 'chat.completion.chunk') continue
    for (const { delta } of event.json.choices) {
      all.text += delta.content ?? ''
      all.thought += delta.reasoning_content ?? ''
    }
  }
  return all
}

describe('an answer that continues at Ollama', () => {
  it.each([
    ['an open template', { open: true, thinks: false }],
    ['a template that closes every message', { open: false, thinks: false }],
    ['thoughts', { open: true, thinks: true }],
  ])('has as many tokens as it may have, whatever its pieces held: %s', async (_, kind) => {
    await using backend = createOllamaBackend({ fetch: ollama(kind) })
    const [model] = await backend.models()
    expect(model?.resume).toBe('prefill')
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 160 }), fc.nat(40), async (allowed, broken) => {
        const request = chat({ max_tokens: allowed, temperature: 0 })
        const { events } = await collect(backend.infer(request))
        const whole = textsOf(events)
        const shown = events.slice(0, Math.min(broken, events.length - 2) + 1)
        const { text, thought } = textsOf(shown)
        const isEnd = shown.length > events.length - 2
        if ((text === '' && thought === '') || isEnd) return
        const resume: Resume = {
          tokenIds: [],
          text,
          deliveredBytes: Buffer.byteLength(text),
          tokens: shown.length,
          ...(thought !== '' && { reasoning: thought }),
        }
        const rest = await collect(backend.infer(request, { resume }))
        const more = textsOf(rest.events)
        expect({ text: text + more.text, thought: thought + more.thought }).toEqual(whole)
      }),
      { numRuns: 60 },
    )
  })
})

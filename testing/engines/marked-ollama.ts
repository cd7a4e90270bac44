import type { Fetch } from '../../backend/index.ts'
import { json, lines } from './fake-engine.ts'

/** What a model writes, apart from its marks. */
export interface Script {
  readonly thought: string
  readonly text: string
  readonly calls: readonly { readonly name: string; readonly arguments: object }[]
}

export interface MarkedOllamaInit {
  /** What the model writes to each last message. */
  readonly scripts: Readonly<Record<string, Script>>
  /** Whether the prompt opens the thoughts, instead of the model. */
  readonly opens: boolean
  /** Whether the template shows thoughts of a final message. */
  readonly shows: boolean
  /** Whether it writes calls in a format of its own. */
  readonly calls: 'hermes' | 'own'
}

interface Body {
  readonly messages?: readonly Message[]
  readonly prompt?: string
  readonly tools?: readonly object[]
  readonly think?: boolean
  readonly stream: boolean
  readonly _debug_render_only?: boolean
  readonly options: { readonly num_predict?: number }
}

interface Message {
  readonly role: string
  readonly content: string
  readonly thinking?: string
  readonly tool_calls?: readonly { readonly function: object }[]
}

/** With the blank space that the model writes; the template renders less of it. */
const MARKS = { open: '<think>\n', close: '</think>\n\n' }

/**
 * An Ollama with a model that thinks and calls tools. Its template closes every message, its tokens are characters, and
 * what it writes after another beginning than its own is another answer.
 */
export function markedOllama(init: MarkedOllamaInit): Fetch {
  const answer = (path: string, body: Body): Response => {
    const isChat = path === '/api/chat'
    const prompt = isChat ? rendered(init, body) : (body.prompt ?? '')
    if (body._debug_render_only === true) {
      return json({ _debug_info: { rendered_template: prompt } })
    }
    const rest = written(init, prompt)
    const all = rest.slice(0, body.options.num_predict ?? rest.length)
    const read = isChat
      ? asOllamaReads(init, prompt, all)
      : { thought: '', text: all, calls: [] as object[] }
    const message = (part: object): object => {
      const { content = '' } = part as { content?: string }
      return isChat
        ? { message: { role: 'assistant', content: '', ...part } }
        : { response: content }
    }
    const end = {
      done: true,
      done_reason: all.length < rest.length ? 'length' : 'stop',
      prompt_eval_count: prompt.length,
      eval_count: all.length,
    }
    if (!body.stream) return json({ ...message({ content: read.text }), ...end })
    return lines(
      ...piecesOf(read.thought).map((thinking) => message({ thinking })),
      ...piecesOf(read.text).map((content) => message({ content })),
      ...read.calls.map((call) => message({ tool_calls: [{ function: call }] })),
      { ...message({}), ...end },
    )
  }
  return async (url, { body }) => {
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
          capabilities: ['completion', 'tools', 'thinking'],
          model_info: { 'general.architecture': 'llama', 'llama.context_length': 4096 },
        })
      default:
        return answer(pathname, JSON.parse(String(body)) as Body)
    }
  }
}

function rendered(
  { opens, shows, calls }: MarkedOllamaInit,
  { messages = [], tools }: Body,
): string {
  const shown = messages.map(({ role, content, thinking, tool_calls: called = [] }) => {
    const thought = shows && thinking !== undefined ? `<think>${thinking}</think>\n` : ''
    const asked = called.map(({ function: call }) =>
      calls === 'hermes' ? hermes(call) : `<call>${JSON.stringify(call)}</call>`,
    )
    return `<|${role}|>${thought}${content}${asked.join('')}<|end|>`
  })
  const listed = tools === undefined ? '' : `<|tools|>${JSON.stringify(tools)}<|end|>`
  return `${listed}${shown.join('')}<|answer|>${opens ? '<think>' : ''}`
}

/** What the model writes next. */
function written({ scripts, opens, calls: format }: MarkedOllamaInit, prompt: string): string {
  const [before = '', begun = ''] = prompt.split('<|answer|>')
  const asked =
    Object.keys(scripts).find((question) => before.includes(`<|user|>${question}<|end|>`)) ?? ''
  const { thought, text, calls } = scripts[asked] ?? { thought: '', text: '', calls: [] }
  const called = calls.map((call) =>
    format === 'hermes' ? hermes(call) : `<call>${JSON.stringify(call)}</call>`,
  )
  const words = text + called.join('\n')
  // Thoughts of its own, and those that another begins.
  const whole = `${MARKS.open}${thought}\n${MARKS.close}${words}`
  if (whole.startsWith(begun)) return whole.slice(begun.length)
  const isThinking = begun.startsWith('<think>') && !begun.includes('</think>')
  const [, after = begun] = begun.split('</think>')
  const isAfterOther = !isThinking && (after === '' || after.startsWith('\n\n') || !opens)
  const rest = after.startsWith('\n\n') ? after.slice(2) : after
  const counted = isAfterOther && words.startsWith(rest) ? words.slice(rest.length) : undefined
  if (after === '' && begun !== '') return `\n\n${words}`
  return counted ?? 'Another answer.'
}

function hermes(call: object): string {
  return `<tool_call>\n${JSON.stringify(call)}\n</tool_call>`
}

/** What Ollama makes of the text: blank space before the closing mark belongs to the thoughts. */
function asOllamaReads(
  { opens, calls: format }: MarkedOllamaInit,
  prompt: string,
  all: string,
): { readonly thought: string; readonly text: string; readonly calls: readonly object[] } {
  const isBegun = opens && prompt.trimEnd().endsWith('<think>')
  const isThought = isBegun || all.startsWith('<think>')
  const [inner = '', ...after] = isThought
    ? all
        .replace(/^<think>/, '')
        .trimStart()
        .split('</think>')
    : ['', all]
  const thought = after.length > 0 ? inner : withoutBegun(inner, '</think>')
  const words = after.join('</think>').trimStart()
  const mark = format === 'hermes' ? '<tool_call>' : '<call>'
  const at = words.indexOf(mark)
  const text = at < 0 ? withoutBegun(words, mark) : words.slice(0, at)
  const called = at < 0 ? '' : words.slice(at)
  return { thought, text, calls: callsIn(called) }
}

/** Ollama holds back what may begin a mark. */
function withoutBegun(text: string, mark: string): string {
  for (let length = mark.length - 1; length > 0; length--) {
    if (text.endsWith(mark.slice(0, length))) return text.slice(0, -length)
  }
  return text
}

/** Whole ones, also without a closing mark. */
function callsIn(text: string): object[] {
  return text
    .replace(/<[^>]*$/, '')
    .split(/<\/?(?:tool_call|call)>/)
    .flatMap((call) => {
      try {
        return [JSON.parse(call) as object]
      } catch {
        return []
      }
    })
}

/** Of three tokens each. */
function piecesOf(text: string): string[] {
  return text.match(/.{1,3}/gs) ?? []
}

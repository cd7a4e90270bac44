import {
  type AnswerRequest,
  type ChatMessage,
  type ChatRequest,
  InferenceError,
} from '../../protocol/index.ts'
import type { BegunAnswer } from '../continuation/index.ts'
import { messageText, plainRole, splitPrefix } from '../messages.ts'
import { maxTokensOf, stopStringsOf, type TextRequest, wantsLogprobs } from '../request-fields.ts'
import type { CatalogEntry } from './catalog.ts'
import { type Conversation, NEVER_CUT } from './rendered-prompt.ts'
import type { SentBody } from './written-tokens.ts'

/** `think` knows levels; `none` switches it off. */
const EFFORTS: Readonly<Record<string, string | boolean>> = {
  none: false,
  minimal: 'low',
  low: 'low',
  medium: 'medium',
  high: 'high',
  xhigh: 'high',
  max: 'high',
}
/** Model families whose `think` has levels. */
const LEVELLED = /gpt-?oss/i

/** Where a request goes, and what is sent. `begun`: the answer so far. */
export function requestBody(
  request: AnswerRequest,
  entry: CatalogEntry,
  begun?: BegunAnswer,
): SentBody {
  const model = entry.engineName
  if (request.kind === 'embedding') {
    const { input, dimensions } = request.body
    const size = dimensions === undefined || dimensions === null ? {} : { dimensions }
    return { path: '/api/embed', body: { model, input, truncate: false, ...size } }
  }
  const common = {
    model,
    stream: true,
    ...NEVER_CUT,
    options: optionsOf(request, entry),
    ...logprobsOf(request),
  }
  if (request.kind === 'completion') {
    const { prompt } = request.body
    if (typeof prompt !== 'string') {
      const details = { param: 'prompt' }
      const message = 'Ollama does not accept prompts of token ids'
      throw new InferenceError('capability_unavailable', message, { details })
    }
    const text = prompt + (begun?.text ?? '')
    return { path: '/api/generate', body: { ...common, prompt: text, raw: true } }
  }
  const { messages } = splitPrefix(request.body.messages)
  const all = [...messagesOf(messages), ...begunMessage(begun)]
  const chat = { messages: all, ...chatFields(request.body, entry) }
  return { path: '/api/chat', body: { ...common, ...chat } }
}

/** What of a chat is rendered. */
export function conversationOf(
  request: ChatRequest,
  messages: readonly ChatMessage[],
  entry: CatalogEntry,
): Conversation {
  return {
    model: entry.engineName,
    messages: messagesOf(messages),
    ...renderedFields(request, entry),
  }
}

/** A request that continues an answer, from a rendered prompt. */
export function prefixedBody(request: TextRequest, prompt: string, entry: CatalogEntry): object {
  return {
    model: entry.engineName,
    stream: true,
    ...NEVER_CUT,
    options: optionsOf(request, entry),
    ...logprobsOf(request),
    prompt,
    raw: true,
    // Ollama tells thoughts apart from their opening mark on only.
    ...(entry.thinks && { think: false }),
  }
}

function begunMessage(begun: BegunAnswer | undefined): object[] {
  const { text = '', reasoning = '' } = begun ?? {}
  if (text === '' && reasoning === '') return []
  return [{ role: 'assistant', content: text, ...(reasoning !== '' && { thinking: reasoning }) }]
}

function optionsOf(request: TextRequest, { stops }: CatalogEntry): object {
  const { body } = request
  const stop = stopStringsOf(request)
  const options = {
    num_predict: maxTokensOf(request),
    temperature: body.temperature,
    top_p: body.top_p,
    top_k: body.top_k,
    min_p: body.min_p,
    seed: body.seed,
    repeat_penalty: body.repeat_penalty,
    presence_penalty: body.presence_penalty,
    frequency_penalty: body.frequency_penalty,
    // A request's list replaces the Modelfile's, whose strings end the model's turn.
    stop: stop.length > 0 ? [...stops, ...stop] : undefined,
  }
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined && value !== null),
  )
}

function logprobsOf(request: TextRequest): object {
  if (!wantsLogprobs(request)) return {}
  const top = request.kind === 'chat' ? request.body.top_logprobs : request.body.logprobs
  return { logprobs: true, ...(typeof top === 'number' && top > 0 && { top_logprobs: top }) }
}

function chatFields(request: ChatRequest, entry: CatalogEntry): object {
  const { response_format: format } = request
  return {
    ...(format?.type === 'json_object' && { format: 'json' }),
    ...(format?.type === 'json_schema' && { format: format.json_schema.schema ?? 'json' }),
    ...renderedFields(request, entry),
  }
}

/** Fields that a template depends on. */
function renderedFields(
  { tools, tool_choice: choice, reasoning_effort: effort }: ChatRequest,
  { thinks, model }: CatalogEntry,
): Pick<Conversation, 'tools' | 'think'> {
  const level = typeof effort === 'string' && thinks ? EFFORTS[effort] : undefined
  // Models other than gpt-oss only switch thinking on or off.
  const think = level === undefined || LEVELLED.test(model.family) ? level : level !== false
  return {
    ...(tools !== undefined && tools !== null && choice !== 'none' && { tools }),
    ...(think !== undefined && { think }),
  }
}

function messagesOf(messages: readonly ChatMessage[]): object[] {
  const toolNames = new Map(
    messages.flatMap(({ tool_calls: calls = [] }) =>
      calls.map((call) => [call.id, call.function.name]),
    ),
  )
  return messages.map((message) => {
    const images = imagesOf(message)
    const { tool_calls: calls, tool_call_id: callId, reasoning_content: thought } = message
    const toolName = callId === undefined ? undefined : toolNames.get(callId)
    return {
      role: plainRole(message),
      content: messageText(message),
      ...(thought !== undefined && { thinking: thought }),
      ...(images.length > 0 && { images }),
      ...(toolName !== undefined && { tool_name: toolName }),
      ...(calls !== undefined && {
        tool_calls: calls.map(({ function: called }) => ({
          function: { name: called.name, arguments: argumentsOf(called.arguments) },
        })),
      }),
    }
  })
}

/** Base64 without the prefix of the `data:` URL. */
function imagesOf({ content }: ChatMessage): string[] {
  if (typeof content === 'string') return []
  return (content ?? []).flatMap((part) =>
    part.type === 'image_url' ? [part.image_url.url.replace(/^data:[^,]*,/, '')] : [],
  )
}

function argumentsOf(text: string): unknown {
  try {
    return text === '' ? {} : JSON.parse(text)
  } catch (cause) {
    throw new InferenceError('invalid_request', 'the arguments of a tool call are not JSON', {
      cause,
      details: { param: 'messages' },
    })
  }
}

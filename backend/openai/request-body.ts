import type { AnswerRequest, ChatMessage, ChatRequest, Resume } from '../../protocol/index.ts'
import type { BegunAnswer, RepeatedStartInit } from '../continuation/index.ts'
import { hasImage, messageText, plainRole, splitPrefix } from '../messages.ts'
import { maxTokensOf, stopStringsOf, type TextRequest } from '../request-fields.ts'
import { isAbsent } from '../shapes/index.ts'
import { continuationFields } from './continuation.ts'
import type { DeclaredContinuation } from './declared-continuation.ts'
import { FLAVORS, type Flavor } from './flavor.ts'

/** Fields that every dialect takes under the same name. */
const CHAT_FIELDS = ['temperature', 'top_p', 'seed', 'logprobs', 'top_logprobs'] as const
const CHAT_ONLY = ['response_format'] as const

interface BodyOptions {
  readonly flavor: Flavor
  /** The engine's name of the model. */
  readonly engineName: string
  /** Separates prefix caches at engines that support it. */
  readonly cacheSalt: string | undefined
  /** Whether the engine reports the ids of all tokens. */
  readonly reportsTokens: boolean
  readonly newerMaxTokens: boolean
  /** An answer to continue from its text. */
  readonly resume?: Resume | undefined
  /** How an API is asked to continue an answer. @default as the flavor needs it */
  readonly continuation?: DeclaredContinuation | undefined
}

/** Endpoint and body of a request: only fields of an allow-list are sent. */
export function requestBody(
  request: AnswerRequest,
  options: BodyOptions,
): { readonly path: string; readonly body: object } {
  const { engineName: model } = options
  if (request.kind === 'embedding') {
    const { input } = request.body
    const renamed = renamedFields(request.body as unknown as Fields, options)
    return { path: '/v1/embeddings', body: { model, input, ...renamed } }
  }
  const common = { model, ...samplingFields(request, options), ...streamFields(options) }
  const { resume } = options
  if (request.kind === 'completion') {
    const { prompt } = request.body
    const begun = resume === undefined ? prompt : `${String(prompt)}${resume.text}`
    return { path: '/v1/completions', body: { ...common, prompt: begun } }
  }
  const only = pick(request.body as unknown as Fields, CHAT_ONLY)
  const split = splitPrefix(request.body.messages)
  const begun = begunAnswer(request.body, options)
  const messages = [
    ...engineMessages(split.messages, options.flavor),
    ...begunMessage(begun, options),
  ]
  return {
    path: '/v1/chat/completions',
    body: {
      ...common,
      ...only,
      ...toolFields(request.body, options.flavor),
      ...continuationFields(begun, options.flavor),
      messages,
    },
  }
}

/** The beginning of an answer, as it is sent. */
function begunAnswer(
  { messages }: ChatRequest,
  { resume, continuation }: Pick<BodyOptions, 'continuation' | 'resume'>,
): BegunAnswer {
  const text = splitPrefix(messages).prefix + (resume?.text ?? '')
  return {
    // Anthropic refuses white space at the end, and models write words with the space before them.
    text: continuation === undefined ? text : text.trimEnd(),
    reasoning: resume?.reasoning ?? '',
  }
}

/** What an API may send again of the answer that it continues; undefined if it is not asked to. */
export function startOf(
  request: TextRequest,
  options: Pick<BodyOptions, 'continuation' | 'resume'>,
): RepeatedStartInit | undefined {
  const { continuation, resume } = options
  if (continuation === undefined || request.kind !== 'chat') return undefined
  const begun = splitPrefix(request.body.messages).prefix + (resume?.text ?? '')
  const { text: sent } = begunAnswer(request.body, options)
  const { repeats } = continuation
  return begun === '' ? undefined : { begun, sent, repeats, isCallers: resume === undefined }
}

/** An empty final assistant message counts as absent. */
function begunMessage(
  { text, reasoning }: BegunAnswer,
  { continuation }: Pick<BodyOptions, 'continuation'>,
): readonly object[] {
  if (text === '' && reasoning === '') return []
  const more = reasoning === '' ? {} : { reasoning_content: reasoning }
  const { by = 'final-message' } = continuation ?? {}
  const mark = by === 'final-message' ? {} : { [by]: true }
  return [{ role: 'assistant', content: text, ...more, ...mark }]
}

/** Tools, and the choice among them as the engine takes it. */
function toolFields({ tools, tool_choice: choice }: ChatRequest, flavor: Flavor): Fields {
  if (!tools || tools.length === 0) return {}
  const takesChoice = 'tool_choice' in FLAVORS[flavor].fields
  if (!takesChoice) return choice === 'none' ? {} : { tools }
  // llama-server accepts no names here: requiring the only function offered has the same effect.
  if (flavor === 'llama-server' && typeof choice === 'object' && choice !== null) {
    const { name } = choice.function
    return {
      tools: tools.filter((tool) => tool.function.name === name),
      tool_choice: 'required',
    }
  }
  return { tools, ...(choice && { tool_choice: choice }) }
}

/** Messages as the engine's template takes them. */
export function engineMessages(
  messages: readonly ChatMessage[],
  flavor: Flavor,
): readonly object[] {
  const { takesThoughts } = FLAVORS[flavor]
  return messages.map(({ reasoning_content: thought, ...message }) => ({
    ...message,
    ...(takesThoughts && thought !== undefined && { reasoning_content: thought }),
    role: flavor === 'generic' || flavor === 'openai' ? message.role : plainRole(message),
    // Many templates support plain text only; parts are for images.
    content: hasImage(message) ? message.content : (contentText(message) ?? null),
  }))
}

type Fields = Readonly<Record<string, unknown>>

/** Sampling and stop fields. */
export function samplingFields(
  request: TextRequest,
  options: Pick<BodyOptions, 'flavor' | 'newerMaxTokens' | 'resume'>,
): Fields {
  const body = request.body as unknown as Fields
  const allowed = maxTokensOf(request)
  const maxTokens = allowed === undefined ? undefined : allowed - (options.resume?.tokens ?? 0)
  const stop = stopStringsOf(request)
  const limit = options.newerMaxTokens ? 'max_completion_tokens' : 'max_tokens'
  return {
    ...pick(body, CHAT_FIELDS),
    ...renamedFields(body, options),
    ...(maxTokens !== undefined && { [limit]: maxTokens }),
    ...(stop.length > 0 && { stop }),
  }
}

/** Optional fields that the request uses, under the engine's names. */
function renamedFields(body: Fields, { flavor }: Pick<BodyOptions, 'flavor'>): Fields {
  const { fields } = FLAVORS[flavor]
  const renamed: Record<string, unknown> = {}
  for (const ours in fields) {
    const value = body[ours]
    const theirs = fields[ours]
    if (theirs === undefined || ours === 'tool_choice' || isAbsent(value)) continue
    renamed[theirs] = value
  }
  return renamed
}

export function streamFields({
  flavor,
  cacheSalt,
  reportsTokens,
}: Pick<BodyOptions, 'flavor' | 'cacheSalt' | 'reportsTokens'>): Fields {
  return {
    stream: true,
    stream_options: { include_usage: true },
    ...(flavor === 'vllm' && reportsTokens && { return_token_ids: true }),
    ...(flavor === 'llama-server' && { return_progress: true }),
    ...(FLAVORS[flavor].cacheSalt && cacheSalt !== undefined && { cache_salt: cacheSalt }),
  }
}

function pick(body: Fields, names: readonly string[]): Fields {
  const picked: Record<string, unknown> = {}
  for (const name of names) {
    const value = body[name]
    if (!isAbsent(value)) picked[name] = value
  }
  return picked
}

function contentText(message: ChatMessage): string | undefined {
  return message.content === undefined || message.content === null
    ? undefined
    : messageText(message)
}

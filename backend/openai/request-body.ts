import type { AnswerRequest } from '../../protocol/index.ts'
import { messageText, plainRole } from '../messages.ts'
import { maxTokensOf, stopStringsOf, type TextRequest } from '../request-fields.ts'
import { FLAVORS, type Flavor } from './flavor.ts'

/** Fields that every dialect takes under the same name. */
const CHAT_FIELDS = ['temperature', 'top_p', 'seed', 'logprobs', 'top_logprobs'] as const
const CHAT_ONLY = ['response_format', 'tools', 'tool_choice'] as const

interface BodyOptions {
  readonly flavor: Flavor
  /** What the engine calls the model. */
  readonly engineName: string
  /** Keeps prefix caches apart where the engine can. */
  readonly cacheSalt: string | undefined
  readonly newerMaxTokens: boolean
}

/** Where a request goes, and what is sent: an allow-list of fields, whatever else the request may hold. */
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
  if (request.kind === 'completion') {
    return { path: '/v1/completions', body: { ...common, prompt: request.body.prompt } }
  }
  const only = pick(request.body as unknown as Fields, CHAT_ONLY)
  const messages = request.body.messages.map((message) => ({
    ...message,
    role:
      options.flavor === 'generic' || options.flavor === 'openai'
        ? message.role
        : plainRole(message),
    // Many templates know text only; parts are for images.
    content: hasImage(message.content) ? message.content : (contentText(message) ?? null),
  }))
  return { path: '/v1/chat/completions', body: { ...common, ...only, messages } }
}

type Fields = Readonly<Record<string, unknown>>
type Message = Extract<AnswerRequest, { kind: 'chat' }>['body']['messages'][number]

function samplingFields(request: TextRequest, options: BodyOptions): Fields {
  const body = request.body as unknown as Fields
  const maxTokens = maxTokensOf(request)
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
function renamedFields(body: Fields, { flavor }: BodyOptions): Fields {
  const renamed = Object.entries(FLAVORS[flavor].fields).map(
    ([ours, theirs]) => [theirs, body[ours]] as const,
  )
  return Object.fromEntries(renamed.filter(([, value]) => value !== undefined && value !== null))
}

function streamFields({ flavor, cacheSalt }: BodyOptions): Fields {
  return {
    stream: true,
    stream_options: { include_usage: true },
    ...(flavor === 'vllm' && { return_token_ids: true }),
    ...(FLAVORS[flavor].cacheSalt && cacheSalt !== undefined && { cache_salt: cacheSalt }),
  }
}

function pick(body: Fields, names: readonly string[]): Fields {
  return Object.fromEntries(
    names
      .map((name) => [name, body[name]])
      .filter(([, value]) => value !== undefined && value !== null),
  )
}

function hasImage(content: Message['content']): boolean {
  return Array.isArray(content) && content.some((part) => part.type === 'image_url')
}

function contentText(message: Message): string | undefined {
  return message.content === undefined || message.content === null
    ? undefined
    : messageText(message)
}

import type * as z from 'zod'
import { InferenceError } from './errors.ts'
import type { InferenceKind } from './frames.ts'
import { withoutIdle } from './idle-fields.ts'
import { depthOf, hasAtMost } from './json-bounds.ts'
import { measureJson, parsedBytes } from './json-shape.ts'
import { LIMITS } from './limits.ts'
import type { ChatRequest, CompletionRequest, EmbeddingRequest, Prompt } from './openai.ts'
import { schemas } from './request-schemas.ts'
import type { ScoreRequest } from './score.ts'
import { checkToolArguments } from './tool-arguments.ts'

/** A validated request, discriminated by kind. */
export type InferenceRequest =
  | { readonly kind: 'chat'; readonly body: ChatRequest }
  | { readonly kind: 'completion'; readonly body: CompletionRequest }
  | { readonly kind: 'embedding'; readonly body: EmbeddingRequest }
  | { readonly kind: 'score'; readonly body: ScoreRequest }

/** A request that the engine answers with output of its own. */
export type AnswerRequest = Exclude<InferenceRequest, { readonly kind: 'score' }>

/** The inputs of a request for embeddings, one for each vector. A list of numbers is one input, as token ids. */
export function embeddingInputs(input: EmbeddingRequest['input']): readonly Prompt[] {
  if (typeof input === 'string') return [input]
  return isTokenIds(input) ? [input] : (input as readonly Prompt[])
}

function isTokenIds(input: readonly unknown[]): input is readonly number[] {
  return typeof input[0] === 'number'
}

/**
 * Validates a request against the allow-list of fields. Fields that cannot change an answer are dropped;
 * one that is not on the list (`chat_template`, `num_ctx`, `keep_alive` and other fields that control an engine)
 * is refused by name.
 *
 * @throws InferenceError `invalid_request`, with `details.param`.
 */
export function parseRequest(kind: AnswerRequest['kind'], body: unknown): AnswerRequest
export function parseRequest(kind: InferenceKind, body: unknown): InferenceRequest
export function parseRequest(kind: InferenceKind, body: unknown): InferenceRequest {
  if (typeof body === 'object' && body !== null && !hasAtMost(body, LIMITS.maxFields)) {
    throw new InferenceError('invalid_request', `a request has at most ${LIMITS.maxFields} fields`)
  }
  if (depthOf(body, LIMITS.maxJsonDepth) > LIMITS.maxJsonDepth) {
    const message = `the request nests more than ${LIMITS.maxJsonDepth} levels`
    throw new InferenceError('invalid_request', message)
  }
  const parsed = schemas[kind].safeParse(withoutIdle(body))
  if (!parsed.success) throw refusal(parsed.error)
  const request = { kind, body: parsed.data } as InferenceRequest
  const chat = chatIn(request)
  if (chat !== undefined) {
    checkToolChoice(chat)
    checkToolArguments(chat)
  }
  return request
}

/** A chat, or the one whose answer is to be scored. */
function chatIn(request: InferenceRequest): ChatRequest | undefined {
  const { kind, body } = request.kind === 'score' ? request.body.request : request
  return kind === 'chat' ? body : undefined
}

/** OpenAI rejects both too: otherwise a choice that no tool can satisfy would be answered with text. */
function checkToolChoice({ tools, tool_choice: choice }: ChatRequest): void {
  if (choice === undefined || choice === null || choice === 'auto' || choice === 'none') return
  const names = (tools ?? []).map((offered) => offered.function.name)
  const isMet = choice === 'required' ? names.length > 0 : names.includes(choice.function.name)
  if (isMet) return
  const wanted = choice === 'required' ? 'a tool' : `the tool '${choice.function.name}'`
  throw new InferenceError(
    'invalid_request',
    `tool_choice requires ${wanted}, which is not in tools`,
    {
      details: { param: 'tool_choice' },
    },
  )
}

/**
 * {@link parseRequest} for the bytes of `Body` frames.
 *
 * @param reserve is called before they are parsed, with the memory in bytes that the values will take. It may throw.
 */
export function parseRequestBytes(
  kind: InferenceKind,
  bytes: Uint8Array,
  reserve: (bytes: number) => void = () => {},
): InferenceRequest {
  reserve(parsedBytes(measureJson(bytes)))
  return parseRequest(kind, requestJson(bytes))
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

/**
 * The bytes of a request as JSON, not validated: first apply {@link measureJson}.
 *
 * @throws InferenceError `invalid_request`
 */
export function requestJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(utf8.decode(bytes))
  } catch (cause) {
    throw new InferenceError('invalid_request', 'the request is not JSON', { cause })
  }
}

function refusal(error: z.ZodError): InferenceError {
  const issue = error.issues[0]
  const path = issue?.path.map(String) ?? []
  if (issue?.code === 'unrecognized_keys') {
    const field = [...path, issue.keys[0] ?? ''].join('.')
    return new InferenceError(
      'invalid_request',
      `field '${field}' is not accepted: it is unknown or would control the engine`,
      { details: { param: field } },
    )
  }
  const param = path.join('.')
  const where = param === '' ? '' : `${param}: `
  return new InferenceError('invalid_request', `${where}${issue?.message ?? 'invalid'}`, {
    details: param === '' ? {} : { param },
  })
}

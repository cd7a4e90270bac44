import {
  type FinishReason,
  InferenceError,
  type Resume,
  type TokenLogprob,
} from '../../protocol/index.ts'
import type { BackendChunk, BackendDone } from '../backend.ts'
import {
  asArray,
  asNumber,
  asRecord,
  asString,
  type EngineHttp,
  failureOf,
  parseJson,
} from '../http/index.ts'
import { completionShape, tokenLogprobs } from '../logprobs.ts'
import { maxTokensOf, stopStringsOf, type TextRequest, wantsLogprobs } from '../request-fields.ts'
import { StopMatcher } from '../stop-matcher.ts'
import { llamaPrompt, type PromptPart, plainTokens } from './llama-prompt.ts'

/** Sampling fields that `/completion` takes under our names. */
const FIELDS = [
  'temperature',
  'top_p',
  'top_k',
  'min_p',
  'seed',
  'repeat_penalty',
  'presence_penalty',
  'frequency_penalty',
  'logit_bias',
] as const

interface Run {
  readonly http: EngineHttp
  readonly model: string
  readonly resume: Resume | undefined
  readonly signal: AbortSignal
}

/**
 * Whether a request can go token by token through `/completion`. What needs the chat endpoint's parsers or grammars
 * (tools, JSON) cannot.
 */
export function isPlainText(request: TextRequest): boolean {
  if (request.kind === 'completion') return true
  const { tools, response_format: format, messages } = request.body
  return (
    (tools ?? []).length === 0 &&
    (format ?? { type: 'text' }).type === 'text' &&
    messages.every(
      ({ content, role, tool_calls: calls }) =>
        role !== 'tool' && calls === undefined && !hasImage(content),
    )
  )
}

/**
 * An answer from llama-server's own endpoint, which gives the id of every token and goes on from any. Stop strings are
 * matched here: the server, holding text back for them, loses the ids of the tokens held.
 */
export async function* llamaCompletion(
  request: TextRequest,
  run: Run,
): AsyncGenerator<BackendChunk | BackendDone> {
  const { http, signal } = run
  const prompt = await llamaPrompt(http, request, signal)
  const prefix = await resumedPrefix(run)
  const stops = new StopMatcher(stopStringsOf(request))
  const seam = stops.push(prefix.text)
  const answer: AnswerState = {
    run,
    request,
    ids: [],
    probabilities: [],
    shown: fromByte(seam.text, run.resume?.deliveredBytes ?? 0),
  }
  const limit = maxTokensOf(request)
  const remaining = limit === undefined ? undefined : limit - prefix.ids.length
  let total = 0
  let finish: FinishReason | undefined = seam.stopped ? 'stop' : undefined
  if (remaining !== undefined && remaining <= 0) finish ??= 'length'
  let last: Readonly<Record<string, unknown>> = {}
  if (finish === undefined) {
    const body = completionBody(request, [...prompt, ...prefix.ids], remaining)
    for await (const data of http.stream('/completion', body, { signal, framing: 'events' })) {
      if (data.trim() === '[DONE]') break
      const record = parseJson(data)
      const {
        error,
        content,
        stop,
        stop_type: stopType,
        completion_probabilities: probabilities,
      } = record
      if (error !== undefined) throw failureOf(500, data)
      last = record
      if (stop === true) {
        finish = stopType === 'limit' ? 'length' : 'stop'
        break
      }
      const ids = await newIds(record, total, run)
      total += ids.length
      answer.ids.push(...ids)
      if (wantsLogprobs(request)) answer.probabilities.push(...tokenLogprobs(probabilities))
      const released = stops.push(asString(content))
      answer.shown += released.text
      if (released.stopped) {
        finish = 'stop'
        break
      }
      if (answer.shown !== '') yield flush(answer, null)
    }
    signal.throwIfAborted()
  }
  if (finish === undefined) {
    throw new InferenceError(
      'engine_failed',
      'the answer broke off: the engine gave no finish reason',
    )
  }
  answer.shown += stops.flush()
  yield flush(answer, finish)
  yield endOf(last, total, prefix.ids.length)
}

interface AnswerState {
  readonly run: Run
  readonly request: TextRequest
  /** Not yet on a chunk. */
  ids: number[]
  probabilities: TokenLogprob[]
  shown: string
}

function flush(answer: AnswerState, finish: FinishReason | null): BackendChunk {
  const { ids, probabilities, shown, request, run } = answer
  answer.ids = []
  answer.probabilities = []
  answer.shown = ''
  const common = { id: '', created: 0, model: run.model }
  const has = probabilities.length > 0
  // `n_probs` is at least 1, also where none of the alternatives were asked for.
  const wanted =
    request.kind === 'chat' ? (request.body.top_logprobs ?? 0) : (request.body.logprobs ?? 0)
  const tokens = probabilities.map((entry) => ({
    ...entry,
    top_logprobs: entry.top_logprobs.slice(0, wanted),
  }))
  const json: BackendChunk['json'] =
    request.kind === 'chat'
      ? {
          ...common,
          object: 'chat.completion.chunk',
          choices: [
            {
              index: 0,
              delta: shown === '' ? {} : { content: shown },
              finish_reason: finish,
              ...(has && { logprobs: { content: tokens } }),
            },
          ],
        }
      : {
          ...common,
          object: 'text_completion',
          choices: [
            {
              index: 0,
              text: shown,
              finish_reason: finish,
              ...(has && { logprobs: completionShape(tokens) }),
            },
          ],
        }
  const logprobs = has && tokens.length === ids.length ? tokens.map(({ logprob }) => logprob) : []
  return { type: 'chunk', json, tokenIds: ids, logprobs }
}

function completionBody(
  request: TextRequest,
  prompt: readonly PromptPart[],
  remaining: number | undefined,
): object {
  const body = request.body as unknown as Readonly<Record<string, unknown>>
  const top = request.kind === 'chat' ? request.body.top_logprobs : request.body.logprobs
  const sampling = FIELDS.map((field) => [field, body[field]] as const)
  return {
    ...Object.fromEntries(sampling.filter(([, value]) => value !== undefined && value !== null)),
    prompt: prompt.length === 1 && typeof prompt[0] === 'string' ? prompt[0] : prompt,
    stream: true,
    return_tokens: true,
    ...(remaining !== undefined && { n_predict: remaining }),
    ...(wantsLogprobs(request) && { n_probs: Math.max(1, typeof top === 'number' ? top : 1) }),
  }
}

/**
 * Ids of the tokens that a record adds. The server names only the last one of a character that took several; the
 * others are found by tokenizing the piece, which gives ids of the same text if not always the same ids.
 */
async function newIds(
  { tokens, tokens_predicted: predicted, content }: Readonly<Record<string, unknown>>,
  total: number,
  { http, signal }: Run,
): Promise<readonly number[]> {
  const ids = asArray(tokens).filter((id): id is number => Number.isSafeInteger(id))
  if (asNumber(predicted) <= total + ids.length) return ids
  return await plainTokens(http, asString(content), false, signal)
}

/** What the answer has already: its ids, and their text, which must begin with what the caller saw. */
async function resumedPrefix({
  http,
  resume,
  signal,
}: Run): Promise<{ ids: readonly number[]; text: string }> {
  if (resume === undefined) return { ids: [], text: '' }
  if (resume.tokenIds.length === 0) {
    return { ids: await plainTokens(http, resume.text, false, signal), text: resume.text }
  }
  const { content } = await http.post('/detokenize', { tokens: resume.tokenIds }, { signal })
  const text = asString(content)
  if (text.startsWith(resume.text) && !text.endsWith('\uFFFD'))
    return { ids: resume.tokenIds, text }
  throw new InferenceError(
    'not_resumable',
    'the token ids do not spell the text of the partial answer here',
  )
}

function endOf(
  last: Readonly<Record<string, unknown>>,
  tokens: number,
  prefix: number,
): BackendDone {
  const { tokens_evaluated: evaluated, timings } = last
  const { cache_n: cached, prompt_ms: prefill, predicted_ms: decode } = asRecord(timings)
  return {
    type: 'done',
    usage: {
      promptTokens: Math.max(0, asNumber(evaluated) - prefix),
      completionTokens: tokens,
      cachedPromptTokens: asNumber(cached),
    },
    timings: { prefillMs: Math.round(asNumber(prefill)), decodeMs: Math.round(asNumber(decode)) },
  }
}

function fromByte(text: string, bytes: number): string {
  return new TextDecoder().decode(new TextEncoder().encode(text).subarray(bytes))
}

function hasImage(
  content: Extract<TextRequest, { kind: 'chat' }>['body']['messages'][number]['content'],
): boolean {
  return Array.isArray(content) && content.some((part) => part.type === 'image_url')
}

import {
  type FinishReason,
  InferenceError,
  type Resume,
  type TokenLogprob,
} from '../../protocol/index.ts'
import type { BackendChunk, BackendDone } from '../backend.ts'
import { LogprobQueue } from '../logprob-queue.ts'
import { completionShape } from '../logprobs.ts'
import { maxTokensOf, stopStringsOf, type TextRequest, wantsLogprobs } from '../request-fields.ts'
import { StopMatcher } from '../stop-matcher.ts'
import type { OnProgress } from './llama-progress.ts'

/** Text for an engine to tokenize, control tokens parsed, or token ids. */
export type PromptPart = string | number

/** What an engine adds to an answer. */
export interface TokenPiece {
  readonly text: string
  readonly ids: readonly number[]
  /** Empty if none were requested. */
  readonly probabilities: readonly TokenLogprob[]
}

/** Finish reason and usage of an engine. */
export interface PieceEnd {
  readonly finish: FinishReason
  /** All prompt tokens, a partial answer included. */
  readonly promptTokens: number
  readonly cachedPromptTokens: number
  readonly timings: BackendDone['timings']
}

/** An engine that accepts a prompt as token ids and continues from any. */
export interface TokenEngine {
  prompt(request: TextRequest, signal: AbortSignal): Promise<readonly PromptPart[]>
  tokenize(text: string, signal: AbortSignal): Promise<readonly number[]>
  detokenize(ids: readonly number[], signal: AbortSignal): Promise<string>
  /**
   * Yields chunks, then the finish reason; without it the answer broke off.
   *
   * @param limit tokens to write at most
   */
  write(
    request: TextRequest,
    prompt: readonly PromptPart[],
    limit: number | undefined,
    options: { readonly signal: AbortSignal; readonly onProgress?: OnProgress | undefined },
  ): AsyncIterable<TokenPiece | PieceEnd>
}

interface Run {
  readonly engine: TokenEngine
  readonly model: string
  readonly resume: Resume | undefined
  readonly signal: AbortSignal
  readonly onProgress?: OnProgress | undefined
}

/**
 * An answer token by token, from its start or from where another engine stopped. Stop strings are matched here: they may
 * begin in the partial answer, and an engine that holds text back for them may lose the ids of the held tokens.
 *
 * @throws InferenceError `not_resumable` if the ids do not decode to the text of the partial answer; as the engine's
 *   failure maps; the signal's reason
 */
export async function* answerByTokens(
  request: TextRequest,
  run: Run,
): AsyncGenerator<BackendChunk | BackendDone> {
  const { engine, signal, onProgress } = run
  const prompt = await engine.prompt(request, signal)
  const prefix = await resumedPrefix(run)
  const stops = new StopMatcher(stopStringsOf(request))
  const seam = stops.push(prefix.text)
  const answer: AnswerState = {
    run,
    request,
    ids: [],
    probabilities: [],
    queue: new LogprobQueue(),
    stop: seam.stop,
    shown: fromByte(seam.text, run.resume?.deliveredBytes ?? 0),
  }
  const limit = maxTokensOf(request)
  const remaining = limit === undefined ? undefined : limit - prefix.ids.length
  let total = 0
  let finish: FinishReason | undefined = seam.stopped ? 'stop' : undefined
  if (remaining !== undefined && remaining <= 0) finish ??= 'length'
  let end: PieceEnd | undefined
  if (finish === undefined) {
    const read = [...prompt, ...prefix.ids]
    for await (const piece of engine.write(request, read, remaining, { signal, onProgress })) {
      if ('finish' in piece) {
        end = piece
        finish = piece.finish
        break
      }
      total += piece.ids.length
      answer.ids.push(...piece.ids)
      answer.probabilities.push(...piece.probabilities)
      for (const entry of piece.probabilities) answer.queue.push(entry)
      const released = stops.push(piece.text)
      answer.shown += released.text
      if (released.stopped) {
        finish = 'stop'
        answer.stop = released.stop
        break
      }
      if (answer.shown !== '') yield flush(answer, null)
    }
    signal.throwIfAborted()
  }
  if (finish === undefined) {
    throw new InferenceError('engine_failed', 'the engine ended its answer without a finish reason')
  }
  answer.shown += stops.flush()
  yield flush(answer, finish)
  yield {
    type: 'done',
    usage: {
      promptTokens: Math.max(0, (end?.promptTokens ?? 0) - prefix.ids.length),
      completionTokens: total,
      cachedPromptTokens: end?.cachedPromptTokens ?? 0,
    },
    timings: end?.timings ?? { prefillMs: 0, decodeMs: 0 },
  }
}

interface AnswerState {
  readonly run: Run
  readonly request: TextRequest
  /** Not yet sent in a chunk. */
  ids: number[]
  /** Log probabilities of those. */
  probabilities: TokenLogprob[]
  readonly queue: LogprobQueue
  /** The stop string that ended it. */
  stop: string | undefined
  shown: string
}

function flush(answer: AnswerState, finish: FinishReason | null): BackendChunk {
  const { ids, probabilities, shown, request, run } = answer
  answer.ids = []
  answer.probabilities = []
  answer.shown = ''
  const common = { id: '', created: 0, model: run.model }
  const { stop, queue } = answer
  const isWhole = finish !== null && stop === undefined
  const entries = [...queue.take(shown), ...(isWhole ? queue.rest() : [])]
  const has = entries.length > 0
  // Some engines need at least one alternative to be requested.
  const wanted =
    request.kind === 'chat' ? (request.body.top_logprobs ?? 0) : (request.body.logprobs ?? 0)
  const tokens = entries.map((entry) => ({
    ...entry,
    top_logprobs: entry.top_logprobs.slice(0, wanted),
  }))
  const met = finish === 'stop' && stop !== undefined ? { stop_reason: stop } : {}
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
              ...met,
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
              ...met,
              ...(has && { logprobs: completionShape(tokens) }),
            },
          ],
        }
  const isRated = probabilities.length > 0 && probabilities.length === ids.length
  const logprobs = isRated ? probabilities.map(({ logprob }) => logprob) : []
  return { type: 'chunk', json, tokenIds: ids, logprobs }
}

/** Alternatives to request per token; undefined if no probabilities are wanted. */
export function alternativesOf(request: TextRequest): number | undefined {
  if (!wantsLogprobs(request)) return undefined
  const top = request.kind === 'chat' ? request.body.top_logprobs : request.body.logprobs
  return Math.max(1, typeof top === 'number' ? top : 1)
}

/** The partial answer: its ids, and their text, which must begin with what the caller has. */
async function resumedPrefix({
  engine,
  resume,
  signal,
}: Run): Promise<{ ids: readonly number[]; text: string }> {
  if (resume === undefined) return { ids: [], text: '' }
  if (resume.tokenIds.length === 0) {
    return { ids: await engine.tokenize(resume.text, signal), text: resume.text }
  }
  const text = await engine.detokenize(resume.tokenIds, signal)
  if (text.startsWith(resume.text) && !text.endsWith('\uFFFD'))
    return { ids: resume.tokenIds, text }
  throw new InferenceError(
    'not_resumable',
    'the token ids do not decode to the text of the partial answer here',
  )
}

function fromByte(text: string, bytes: number): string {
  return new TextDecoder().decode(new TextEncoder().encode(text).subarray(bytes))
}

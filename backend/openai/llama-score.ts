import {
  type EndScore,
  InferenceError,
  LIMITS,
  type PositionScore,
  type ScoredToken,
  type ScoreRequest,
} from '../../protocol/index.ts'
import type { BackendEvent } from '../backend.ts'
import { asArray, asNumber, asRecord, asString, type EngineHttp } from '../http/index.ts'
import { llamaPrompt, plainTokens } from './llama-prompt.ts'
import { controlToken, spell } from './llama-spelling.ts'
import type { PromptPart } from './token-answer.ts'
import { refusedCompletion } from './token-ids.ts'

/** Most likely tokens requested at each position. */
const TOLD = 20

/** Deadline per position: the first one includes prefill of the whole prompt. */
const PLACE_TIMEOUT_MS = 300_000
/** Logit bias that forces a token. */
const FORCED = 10_000

interface Connection {
  readonly http: EngineHttp
  readonly signal: AbortSignal
}

/**
 * Rates an answer at a llama-server, which returns no prompt probabilities: it is asked for one token and its
 * alternatives at each position. In ascending order the cache holds everything before, so it costs about one pass.
 *
 * @throws InferenceError as the server's failure maps, with `details.param` `completion` if it rejects the
 *   ids of the answer; the signal's reason
 */
export async function* llamaScore(
  { request, completion, positions, top_logprobs: top }: ScoreRequest,
  connection: Connection,
): AsyncGenerator<BackendEvent> {
  const { http, signal } = connection
  const prompt = await llamaPrompt(http, request, signal)
  const { text, control } = await spell(http, completion, signal)
  const scores: PositionScore[] = []
  let promptTokens = 0
  let cachedPromptTokens: number | undefined
  let prefillMs = 0
  const read = async (position: number): Promise<Next | undefined> => {
    const before = completion.slice(0, position)
    const next = await nextAfter([...prompt, ...before], connection).catch((error: unknown) => {
      // The prompt's ids are the server's own, so rejected ids can only be the answer's.
      if (before.length === 0 || !InferenceError.is(error, 'invalid_request')) throw error
      throw refusedCompletion(error)
    })
    if (next === undefined) return undefined
    promptTokens = Math.max(promptTokens, next.evaluated)
    cachedPromptTokens ??= next.cached
    prefillMs += next.readMs
    return next
  }
  for (const position of positions ?? completion.keys()) {
    const id = completion[position]
    if (id === undefined) continue
    const next = await read(position)
    if (next === undefined) {
      throw new InferenceError('engine_failed', 'the engine sent no probabilities for its token')
    }
    const { likeliest } = next
    const own = likeliest.find((token) => token.id === id)
    const wanted = likeliest.slice(0, top ?? 1)
    scores.push({ position, id, logprob: own?.logprob ?? null, top: wanted })
  }
  const lastId = completion.at(-1)
  const ratesEnd =
    scores.at(-1)?.position === completion.length - 1 &&
    lastId !== undefined &&
    !control.has(lastId)
  const last = ratesEnd ? await read(completion.length) : undefined
  const end = last === undefined ? undefined : await endOf(last, top ?? 1, connection)
  const json = {
    ...({ object: 'score', scores } as const),
    ...(text.length <= LIMITS.maxScoredText && { text }),
    ...(end !== undefined && { end }),
  }
  yield { type: 'chunk', json, tokenIds: [], logprobs: [] }
  const cached = Math.min(promptTokens, cachedPromptTokens ?? 0)
  yield {
    type: 'done',
    usage: { promptTokens, completionTokens: 0, cachedPromptTokens: cached },
    timings: { prefillMs: Math.round(prefillMs), decodeMs: 0 },
  }
}

/** What the server would write next. */
interface Next {
  /** First to last. */
  readonly likeliest: readonly ScoredToken[]
  /** Whether the first of them ends the answer. */
  readonly ends: boolean
  readonly evaluated: number
  readonly cached: number
  readonly readMs: number
}

async function nextAfter(
  prompt: readonly PromptPart[],
  connection: Connection,
): Promise<Next | undefined> {
  const { http, signal } = connection
  const body = { prompt, n_predict: 1, n_probs: TOLD, temperature: 0, cache_prompt: true }
  const options = { signal, timeoutMs: PLACE_TIMEOUT_MS }
  let answer = await http.post('/completion', body, options)
  if (firstOf(answer) === undefined) {
    // The token is part of a character. Forcing another token does not change the probabilities: they are reported as
    // before the bias.
    const logit_bias = [[await wholeToken(connection), FORCED]]
    answer = await http.post('/completion', { ...body, logit_bias }, options)
  }
  const { stop_type: stopType, tokens_evaluated: evaluated, timings } = answer
  const { cache_n: cached, prompt_ms: readMs } = asRecord(timings)
  const first = firstOf(answer)
  if (first === undefined) return undefined
  const { top_logprobs: alternatives } = asRecord(first)
  return {
    likeliest: scoredTokens(alternatives),
    ends: stopType === 'eos',
    evaluated: asNumber(evaluated),
    cached: asNumber(cached),
    readMs: asNumber(readMs),
  }
}

function firstOf({
  completion_probabilities: probabilities,
}: Readonly<Record<string, unknown>>): unknown {
  return asArray(probabilities)[0]
}

/** A token that spells a whole character. */
async function wholeToken({ http, signal }: Connection): Promise<number | undefined> {
  return (await plainTokens(http, 'a', false, signal)).at(-1)
}

/** The server reports only for the first whether it ends an answer; of the others, one end token is known. */
async function endOf(
  { likeliest, ends }: Next,
  top: number,
  { http, signal }: Connection,
): Promise<EndScore> {
  const [first] = likeliest
  if (ends && first !== undefined) {
    return { logprob: first.logprob, top: likeliest.slice(1, 1 + top) }
  }
  const { eos_token: spelling } = await http.get('/props', { signal })
  const id = await controlToken(http, asString(spelling), signal)
  const end = likeliest.find((token) => token.id === id)
  return {
    logprob: end?.logprob ?? null,
    top: likeliest.filter((token) => token !== end).slice(0, top),
  }
}

function scoredTokens(alternatives: unknown): readonly ScoredToken[] {
  return asArray(alternatives)
    .map(asRecord)
    .flatMap(({ id, logprob }) =>
      Number.isSafeInteger(id) && typeof logprob === 'number' && Number.isFinite(logprob)
        ? [{ id: id as number, logprob }]
        : [],
    )
    .sort((a, b) => b.logprob - a.logprob)
}

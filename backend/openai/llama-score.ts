import {
  InferenceError,
  type PositionScore,
  type ScoredToken,
  type ScoreRequest,
} from '../../protocol/index.ts'
import type { BackendEvent } from '../backend.ts'
import { asArray, asNumber, asRecord, type EngineHttp } from '../http/index.ts'
import { llamaPrompt } from './llama-prompt.ts'

/** Likeliest tokens that the server is asked for at each place. */
const TOLD = 20

/**
 * Rates an answer at a llama-server, which gives no probabilities of a prompt: at each place it is asked for one token
 * and its alternatives. In ascending order the cache holds all that was read, so that it is about one pass.
 *
 * @throws InferenceError what the server's failure comes to, `details.param` being `completion` where it refuses the
 *   ids of the answer; the signal's reason
 */
export async function* llamaScore(
  { request, completion, positions, top_logprobs: top }: ScoreRequest,
  { http, signal }: { readonly http: EngineHttp; readonly signal: AbortSignal },
): AsyncGenerator<BackendEvent> {
  const prompt = await llamaPrompt(http, request, signal)
  const scores: PositionScore[] = []
  let promptTokens = 0
  let cachedPromptTokens: number | undefined
  let prefillMs = 0
  for (const position of positions ?? completion.keys()) {
    const before = completion.slice(0, position)
    const body = {
      prompt: [...prompt, ...before],
      ...{ n_predict: 1, n_probs: TOLD, temperature: 0, cache_prompt: true },
    }
    const told = await http.post('/completion', body, { signal }).catch((error: unknown) => {
      // The prompt's ids are the server's own: what it refuses can only be the answer's.
      if (before.length === 0 || !InferenceError.is(error, 'invalid_request')) throw error
      const details = { param: 'completion' }
      throw new InferenceError('invalid_request', error.message, { cause: error, details })
    })
    const { completion_probabilities: probabilities, tokens_evaluated: evaluated, timings } = told
    const { cache_n: cached, prompt_ms: readMs } = asRecord(timings)
    const id = completion[position]
    const [first] = asArray(probabilities)
    if (id === undefined || first === undefined) {
      throw new InferenceError('engine_failed', 'the engine gave no probabilities of its token')
    }
    const { top_logprobs: alternatives } = asRecord(first)
    const likeliest = scoredTokens(alternatives)
    const own = likeliest.find((token) => token.id === id)
    const wanted = likeliest.slice(0, top ?? 1)
    scores.push({ position, id, logprob: own?.logprob ?? null, top: wanted })
    promptTokens = Math.max(promptTokens, asNumber(evaluated))
    cachedPromptTokens ??= asNumber(cached)
    prefillMs += asNumber(readMs)
  }
  yield { type: 'chunk', json: { object: 'score', scores }, tokenIds: [], logprobs: [] }
  const cached = Math.min(promptTokens, cachedPromptTokens ?? 0)
  yield {
    type: 'done',
    usage: { promptTokens, completionTokens: 0, cachedPromptTokens: cached },
    timings: { prefillMs: Math.round(prefillMs), decodeMs: 0 },
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

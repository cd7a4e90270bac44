import {
  InferenceError,
  LIMITS,
  type PositionScore,
  type ScoredToken,
  type ScoreRequest,
} from '../../protocol/index.ts'
import type { BackendEvent } from '../backend.ts'
import { asArray, asNumber, asRecord, asString } from '../http/index.ts'
import { refusedCompletion } from './token-ids.ts'
import { type VllmModel, vllmPrompt } from './vllm-prompt.ts'

/**
 * Rates an answer at a vLLM in one pass: it returns the log probability of each prompt token (`prompt_logprobs`) and of as
 * many of the most likely alternatives as requested. It does not report which tokens end an answer, so the end is not
 * rated.
 *
 * @throws InferenceError `context_too_long` also for an answer that fills the context to its last token, since the engine
 *   has to have room for one more; else as the engine's failure maps; the signal's reason
 */
export async function* vllmScore(
  { request, completion, positions, top_logprobs: top }: ScoreRequest,
  vllm: VllmModel & { readonly cacheSalt: string | undefined; readonly signal: AbortSignal },
): AsyncGenerator<BackendEvent> {
  const { http, engineName: model, cacheSalt, signal } = vllm
  const startedAt = performance.now()
  const options = { signal, isRequest: true }
  const prompt = await vllmPrompt(vllm, request, options)
  const wanted = top ?? 1
  const body = {
    ...{ model, prompt: [...prompt, ...completion], max_tokens: 1, temperature: 0 },
    prompt_logprobs: wanted,
    ...(cacheSalt !== undefined && { cache_salt: cacheSalt }),
  }
  const { choices, usage } = await http.post('/v1/completions', body, options).catch(refusal)
  const { prompt_logprobs: reported } = asRecord(asArray(choices)[0])
  const read = asArray(reported).slice(prompt.length)
  const scores = Array.from(positions ?? completion.keys(), (position): PositionScore => {
    const id = completion[position] ?? 0
    const tokens = reportedTokens(read[position])
    const own = tokens.find((token) => token.id === id)
    if (own === undefined) {
      throw new InferenceError('engine_failed', 'the engine sent no probability for a token')
    }
    return { position, id, logprob: own.logprob, top: tokens.slice(0, wanted) }
  })
  // Control tokens are included here; the comparison ignores them.
  const spelled = { model, tokens: completion }
  const { prompt: words } = await http.post('/detokenize', spelled, options)
  const text = asString(words)
  const json = {
    ...({ object: 'score', scores } as const),
    ...(text !== '' && text.length <= LIMITS.maxScoredText && { text }),
  }
  yield { type: 'chunk', json, tokenIds: [], logprobs: [] }
  const { prompt_tokens: promptTokens } = asRecord(usage)
  yield {
    type: 'done',
    usage: {
      promptTokens: asNumber(promptTokens),
      completionTokens: 0,
      cachedPromptTokens: 0,
    },
    timings: { prefillMs: Math.round(performance.now() - startedAt), decodeMs: 0 },
  }
}

/** The prompt's ids are the engine's own, so an id outside its vocabulary can only be the answer's. */
function refusal(error: unknown): never {
  if (!InferenceError.is(error, 'invalid_request') || !/vocabulary/i.test(error.message))
    throw error
  throw refusedCompletion(error)
}

/** Most likely first. Keys are ids; the token read is included at any rank. */
function reportedTokens(entry: unknown): readonly ScoredToken[] {
  return Object.entries(asRecord(entry))
    .flatMap(([key, facts]) => {
      const { logprob } = asRecord(facts)
      const id = Number(key)
      const isReported = typeof logprob === 'number' && Number.isFinite(logprob)
      return Number.isSafeInteger(id) && isReported ? [{ id, logprob }] : []
    })
    .sort((a, b) => b.logprob - a.logprob)
}

import {
  asNumber,
  asRecord,
  asString,
  type EngineHttp,
  failureOf,
  parseJson,
} from '../http/index.ts'
import { tokenLogprobs } from '../logprobs.ts'
import { type TextRequest, wantsLogprobs } from '../request-fields.ts'
import { llamaPrompt, plainTokens } from './llama-prompt.ts'
import {
  alternativesOf,
  type Piece,
  type PieceEnd,
  type PromptPart,
  type TokenEngine,
} from './token-answer.ts'
import { tokenIdsIn } from './token-ids.ts'

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

/** llama-server's own endpoint, which gives the id of every token and goes on from any. */
export function llamaTokens(http: EngineHttp): TokenEngine {
  return {
    prompt: (request, signal) => llamaPrompt(http, request, signal),
    tokenize: (text, signal) => plainTokens(http, text, false, signal),
    async detokenize(tokens, signal) {
      const { content } = await http.post('/detokenize', { tokens }, { signal })
      return asString(content)
    },
    write: (request, prompt, limit, signal) => write(http, request, { prompt, limit, signal }),
  }
}

async function* write(
  http: EngineHttp,
  request: TextRequest,
  options: {
    readonly prompt: readonly PromptPart[]
    readonly limit: number | undefined
    readonly signal: AbortSignal
  },
): AsyncGenerator<Piece | PieceEnd> {
  const { prompt, limit, signal } = options
  const body = completionBody(request, prompt, limit)
  let total = 0
  for await (const data of http.stream('/completion', body, { signal, framing: 'events' })) {
    if (data.trim() === '[DONE]') return
    const record = parseJson(data)
    const { error, content, stop, stop_type: stopType, completion_probabilities: told } = record
    if (error !== undefined) throw failureOf(500, data)
    if (stop === true) {
      yield endOf(record, stopType === 'limit' ? 'length' : 'stop')
      return
    }
    const ids = await newIds(http, record, total, signal)
    total += ids.length
    const probabilities = wantsLogprobs(request) ? tokenLogprobs(told) : []
    yield { text: asString(content), ids, probabilities }
  }
}

function completionBody(
  request: TextRequest,
  prompt: readonly PromptPart[],
  limit: number | undefined,
): object {
  const body = request.body as unknown as Readonly<Record<string, unknown>>
  const sampling = FIELDS.map((field) => [field, body[field]] as const)
  const alternatives = alternativesOf(request)
  return {
    ...Object.fromEntries(sampling.filter(([, value]) => value !== undefined && value !== null)),
    prompt: prompt.length === 1 && typeof prompt[0] === 'string' ? prompt[0] : prompt,
    stream: true,
    return_tokens: true,
    ...(limit !== undefined && { n_predict: limit }),
    ...(alternatives !== undefined && { n_probs: alternatives }),
  }
}

/**
 * Ids of the tokens that a record adds. The server names only the last one of a character that took several; the
 * others are found by tokenizing the piece, which gives ids of the same text if not always the same ids.
 */
async function newIds(
  http: EngineHttp,
  { tokens, tokens_predicted: predicted, content }: Readonly<Record<string, unknown>>,
  total: number,
  signal: AbortSignal,
): Promise<readonly number[]> {
  const ids = tokenIdsIn(tokens)
  if (asNumber(predicted) <= total + ids.length) return ids
  return await plainTokens(http, asString(content), false, signal)
}

function endOf(last: Readonly<Record<string, unknown>>, finish: PieceEnd['finish']): PieceEnd {
  const { tokens_evaluated: evaluated, timings } = last
  const { cache_n: cached, prompt_ms: prefill, predicted_ms: decode } = asRecord(timings)
  return {
    finish,
    promptTokens: asNumber(evaluated),
    cachedPromptTokens: asNumber(cached),
    timings: { prefillMs: Math.round(asNumber(prefill)), decodeMs: Math.round(asNumber(decode)) },
  }
}

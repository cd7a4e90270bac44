import { defined } from '../../protocol/index.ts'
import { type EngineHttp, failureIn } from '../http/index.ts'
import { tokenLogprobs } from '../logprobs.ts'
import { type TextRequest, wantsLogprobs } from '../request-fields.ts'
import {
  countAt,
  flagAt,
  type Json,
  numberAt,
  recordAt,
  recordIn,
  textAt,
  wrongShape,
} from '../shapes/index.ts'
import { isReport, type OnProgress, reportProgress } from './llama-progress.ts'
import { llamaPrompt, plainTokens } from './llama-prompt.ts'
import {
  alternativesOf,
  type PieceEnd,
  type PromptPart,
  type TokenEngine,
  type TokenPiece,
} from './token-answer.ts'
import { tokenIdsIn } from './token-ids.ts'

/** Sampling fields that `/completion` accepts under the same names. */
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

/** llama-server's native endpoint, which reports every token id and continues from any. */
export function llamaTokens(http: EngineHttp): TokenEngine {
  return {
    prompt: (request, signal) => llamaPrompt(http, request, signal),
    tokenize: (text, signal) => plainTokens(http, text, false, signal),
    async detokenize(tokens, signal) {
      const { content } = await http.post('/detokenize', { tokens }, { signal, isRequest: true })
      return textAt(content, 'content')
    },
    write: (request, prompt, limit, options) => write(http, request, { prompt, limit, ...options }),
  }
}

async function* write(
  http: EngineHttp,
  request: TextRequest,
  options: {
    readonly prompt: readonly PromptPart[]
    readonly limit: number | undefined
    readonly signal: AbortSignal
    readonly onProgress?: OnProgress | undefined
  },
): AsyncGenerator<TokenPiece | PieceEnd> {
  const { prompt, limit, signal, onProgress } = options
  const body = completionBody(request, prompt, limit)
  let total = 0
  for await (const texts of http.stream('/completion', body, {
    ...{ signal, framing: 'events', isReport, isRequest: true },
  })) {
    for (const text of texts) {
      const record = recordIn(text)
      const failure = failureIn(record, text)
      if (failure !== undefined) throw failure
      // Such a record has a token id of 0 that is not part of the answer.
      if (reportProgress(record, onProgress)) continue
      const { content, stop, stop_type: stopType, completion_probabilities: reported } = record
      if (flagAt(stop, 'stop') === true) {
        yield endOf(record, finishAt(stopType))
        return
      }
      const ids = await newIds(http, record, total, signal)
      total += ids.length
      const probabilities = wantsLogprobs(request)
        ? tokenLogprobs(reported, 'completion_probabilities')
        : []
      yield { text: textAt(content, 'content'), ids, probabilities }
    }
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
    return_progress: true,
    ...defined({ n_predict: limit, n_probs: alternatives }),
  }
}

/**
 * Ids of the tokens that a record adds. The server reports only the last id of a character of several tokens; the
 * others are found by tokenizing the text, which gives ids of the same text but not always the same ids.
 */
async function newIds(
  http: EngineHttp,
  { tokens, tokens_predicted: predicted, content }: Json,
  total: number,
  signal: AbortSignal,
): Promise<readonly number[]> {
  const ids = tokenIdsIn(tokens)
  if ((countAt(predicted, 'tokens_predicted') ?? 0) <= total + ids.length) return ids
  return await plainTokens(http, textAt(content, 'content'), false, signal)
}

/** `eos`, `word`, `limit`; `none` while it goes on. */
function finishAt(stopType: unknown): PieceEnd['finish'] {
  const type = textAt(stopType, 'stop_type')
  if (type === 'limit') return 'length'
  if (type === 'eos' || type === 'word' || type === '') return 'stop'
  throw wrongShape('stop_type', stopType, "'eos', 'word' or 'limit'")
}

function endOf(last: Json, finish: PieceEnd['finish']): PieceEnd {
  const { tokens_evaluated: evaluated, timings } = last
  const { cache_n: cached, prompt_ms: prefill, predicted_ms: decode } = recordAt(timings, 'timings')
  return {
    finish,
    promptTokens: countAt(evaluated, 'tokens_evaluated') ?? 0,
    cachedPromptTokens: countAt(cached, 'timings.cache_n') ?? 0,
    timings: {
      prefillMs: Math.round(numberAt(prefill, 'timings.prompt_ms') ?? 0),
      decodeMs: Math.round(numberAt(decode, 'timings.predicted_ms') ?? 0),
    },
  }
}

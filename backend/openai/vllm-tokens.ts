import { type CompletionLogprobs, InferenceError, type TokenLogprob } from '../../protocol/index.ts'
import type { BackendChunk } from '../backend.ts'
import { textAt } from '../shapes/index.ts'
import { emptySummary, readEvent } from './answer-stream.ts'
import { samplingFields, streamFields } from './request-body.ts'
import { alternativesOf, type TokenEngine, type TokenPiece } from './token-answer.ts'
import { tokenIdsIn } from './token-ids.ts'
import { type VllmModel, vllmPrompt } from './vllm-prompt.ts'

const SAMPLING = { flavor: 'vllm', newerMaxTokens: false, reportsTokens: true } as const

/**
 * vLLM's completions endpoint, which accepts a prompt as token ids. Its penalties count only tokens that it wrote itself,
 * so an answer that another engine began would continue differently.
 */
export function vllmTokens(
  vllm: VllmModel & { readonly contextLength: number; readonly cacheSalt: string | undefined },
): TokenEngine {
  const { http, engineName: model, contextLength, cacheSalt } = vllm
  return {
    async prompt(request, signal) {
      const { presence_penalty, frequency_penalty, repeat_penalty } = request.body
      if (presence_penalty || frequency_penalty || (repeat_penalty ?? 1) !== 1) {
        throw new InferenceError(
          'not_resumable',
          'this engine cannot resume an answer with penalties',
        )
      }
      return await vllmPrompt(vllm, request, { signal, isRequest: true })
    },
    async tokenize(prompt, signal) {
      const body = { model, prompt, add_special_tokens: false }
      const { tokens } = await http.post('/tokenize', body, { signal, isRequest: true })
      return tokenIdsIn(tokens)
    },
    async detokenize(tokens, signal) {
      const { prompt } = await http.post(
        '/detokenize',
        { model, tokens },
        { signal, isRequest: true },
      )
      return textAt(prompt, 'prompt')
    },
    async *write(request, prompt, limit, { signal }) {
      const startedAt = performance.now()
      const room = Math.max(1, contextLength - prompt.length)
      const alternatives = alternativesOf(request)
      const body = {
        ...{ model, prompt, ...samplingFields(request, SAMPLING) },
        ...streamFields({ ...SAMPLING, cacheSalt }),
        max_tokens: Math.min(limit ?? room, room),
        // Matched where the answer is assembled.
        stop: undefined,
        logprobs: alternatives,
        top_logprobs: undefined,
      }
      const summary = emptySummary()
      const withLogprobs = alternatives !== undefined
      const shape = { kind: 'completion', model, withLogprobs, withTokenIds: true } as const
      let firstAt: number | undefined
      for await (const records of http.stream('/v1/completions', body, {
        ...{ signal, framing: 'events', isRequest: true },
      })) {
        for (const record of records) {
          const chunk = readEvent(record, shape, summary)
          if (chunk === undefined) continue
          firstAt ??= performance.now()
          yield pieceOf(chunk)
        }
      }
      if (summary.finish === undefined) return
      const prefillMs = Math.round((firstAt ?? startedAt) - startedAt)
      const decodeMs = Math.round(performance.now() - (firstAt ?? startedAt))
      yield {
        finish: summary.finish,
        promptTokens: summary.usage?.promptTokens ?? 0,
        cachedPromptTokens: summary.usage?.cachedPromptTokens ?? 0,
        timings: { prefillMs, decodeMs },
      }
    },
  }
}

function pieceOf(chunk: BackendChunk): TokenPiece {
  const [choice] = 'choices' in chunk.json ? chunk.json.choices : []
  const completion = choice !== undefined && 'text' in choice ? choice : undefined
  return {
    text: completion?.text ?? '',
    ids: chunk.tokenIds,
    probabilities: completion?.logprobs ? probabilitiesOf(completion.logprobs) : [],
  }
}

/** Converts OpenAI's old shape to the new one. */
function probabilitiesOf({
  tokens,
  token_logprobs: logprobs,
  top_logprobs: top,
}: CompletionLogprobs): TokenLogprob[] {
  return tokens.map((token, at) => ({
    ...{ token, logprob: logprobs[at] ?? 0, bytes: [...Buffer.from(token)] },
    top_logprobs: Object.entries(top?.[at] ?? {}).map(([text, logprob]) => ({
      ...{ token: text, logprob, bytes: [...Buffer.from(text)] },
    })),
  }))
}

import type { Answer, RequestOptions, ServedChunk } from '../../client/index.ts'
import type { OpenAiUsage } from '../../protocol/index.ts'
import { type Tap, tapped } from '../../timing/index.ts'
import type { GatewayClient } from '../gateway-client.ts'
import { type Asked, answerOver, wrappedClient } from '../wrapped-client.ts'
import { answerTokensOf, mayHaveCost, promptTokensOf, tokensIn } from './estimated-tokens.ts'
import type { KeyUsage, OnUsage } from './key-usage.ts'

type Counted = Pick<OpenAiUsage, 'prompt_tokens'> & Partial<Pick<OpenAiUsage, 'completion_tokens'>>

/**
 * The same client, with the usage of each request reported. Of an answer that was broken off it is what the caller's
 * limits were charged: an estimate. Batches report their own.
 */
export function countedClient(client: GatewayClient, onUsage: OnUsage): GatewayClient {
  return wrappedClient(client, {
    async whole({ kind, request, caller, options }, ask) {
      try {
        const answer = await ask(options)
        onUsage(usageOf(caller, answer))
        return answer
      } catch (error) {
        const isCharged = mayHaveCost(error, options)
        onUsage({
          ...failed(caller),
          ...(isCharged && {
            promptTokens: promptTokensOf(kind, request),
            completionTokens: answerTokensOf(kind, request),
          }),
        })
        throw error
      }
    },
    streamed<T>(
      { kind, request, caller, options }: Asked,
      ask: (options: RequestOptions) => Answer<T>,
    ) {
      const answer = ask(options)
      let model = ''
      let delivered = 0
      let hasFailed = false
      const tap: Tap<T & ServedChunk> = {
        value: (chunk) => {
          model = (chunk as { model?: string }).model ?? model
          delivered += tokensIn(chunk)
        },
        failed: (error) => {
          hasFailed = !mayHaveCost(error, options)
          return error
        },
        ended: () => {
          const { usage } = answer
          if (usage !== undefined) onUsage(usageOf(caller, { model, usage }))
          else if (hasFailed && delivered === 0) onUsage(failed(caller))
          else {
            const promptTokens = promptTokensOf(kind, request)
            onUsage({ ...failed(caller), model, promptTokens, completionTokens: delivered })
          }
        },
      }
      return answerOver(
        () => tapped(answer[Symbol.asyncIterator](), tap),
        () => answer,
      )
    },
  })
}

/** The usage of an answer, in OpenAI's form. */
export function usageOf(
  key: string,
  { model, usage }: { readonly model: string; readonly usage: Counted },
): KeyUsage {
  return {
    key,
    model,
    outcome: 'answered',
    promptTokens: usage.prompt_tokens,
    completionTokens: usage.completion_tokens ?? 0,
  }
}

export function failed(key: string): KeyUsage {
  return { key, model: '', outcome: 'failed', promptTokens: 0, completionTokens: 0 }
}

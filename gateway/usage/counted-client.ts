import type { Answer, RequestOptions, ServedChunk } from '../../client/index.ts'
import type { OpenAiUsage } from '../../protocol/index.ts'
import type { GatewayClient } from '../gateway-client.ts'
import { type Asked, answerOver, wrappedClient } from '../wrapped-client.ts'
import type { KeyUsage, OnUsage } from './key-usage.ts'

type Counted = Pick<OpenAiUsage, 'prompt_tokens'> & Partial<Pick<OpenAiUsage, 'completion_tokens'>>

/** The same client, with the usage of each request reported. Batches report their own. */
export function countedClient(client: GatewayClient, onUsage: OnUsage): GatewayClient {
  return wrappedClient(client, {
    async whole({ caller, options }, ask) {
      try {
        const answer = await ask(options)
        onUsage(usageOf(caller, answer))
        return answer
      } catch (error) {
        onUsage(failed(caller))
        throw error
      }
    },
    streamed<T>({ caller, options }: Asked, ask: (options: RequestOptions) => Answer<T>) {
      const answer = ask(options)
      async function* chunks(): AsyncGenerator<T & ServedChunk> {
        let model = ''
        let pieces = 0
        try {
          for await (const chunk of answer) {
            const { model: own, choices } = chunk as {
              model?: string
              choices?: readonly unknown[]
            }
            model = own ?? model
            if ((choices?.length ?? 0) > 0) pieces += 1
            yield chunk
          }
        } finally {
          const { usage } = answer
          if (usage !== undefined) onUsage(usageOf(caller, { model, usage }))
          else if (pieces === 0) onUsage(failed(caller))
          else onUsage({ ...failed(caller), model, completionTokens: pieces })
        }
      }
      return answerOver(chunks, () => answer)
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

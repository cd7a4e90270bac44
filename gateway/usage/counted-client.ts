import type { Answer, RequestOptions, ServedChunk } from '../../client/index.ts'
import type { OpenAiUsage } from '../../protocol/index.ts'
import type { GatewayClient } from '../gateway-client.ts'
import type { KeyUsage, OnUsage } from './key-usage.ts'

type Counted = Pick<OpenAiUsage, 'prompt_tokens'> & Partial<Pick<OpenAiUsage, 'completion_tokens'>>

/** The same client, with the usage of each request reported. Batches report their own. */
export function countedClient(client: GatewayClient, onUsage: OnUsage): GatewayClient {
  const keyOf = (options: object | undefined): string =>
    (options as { readonly caller?: string } | undefined)?.caller ?? ''

  const whole = async <T extends { readonly usage: Counted; readonly model: string }>(
    options: RequestOptions | undefined,
    ask: () => Promise<T>,
  ): Promise<T> => {
    const key = keyOf(options)
    try {
      const answer = await ask()
      onUsage(usageOf(key, answer))
      return answer
    } catch (error) {
      onUsage(failed(key))
      throw error
    }
  }

  const streamed = <T>(options: RequestOptions | undefined, ask: () => Answer<T>): Answer<T> => {
    const answer = ask()
    async function* chunks(): AsyncGenerator<T & ServedChunk> {
      let model = ''
      let pieces = 0
      try {
        for await (const chunk of answer) {
          const { model: own, choices } = chunk as { model?: string; choices?: readonly unknown[] }
          model = own ?? model
          if ((choices?.length ?? 0) > 0) pieces += 1
          yield chunk
        }
      } finally {
        const { usage } = answer
        const key = keyOf(options)
        if (usage !== undefined) onUsage(usageOf(key, { model, usage }))
        else if (pieces === 0) onUsage(failed(key))
        else onUsage({ ...failed(key), model, completionTokens: pieces })
      }
    }
    return {
      get attempts() {
        return answer.attempts
      },
      get usage() {
        return answer.usage
      },
      get event() {
        return answer.event
      },
      [Symbol.asyncIterator]: chunks,
    }
  }

  const answered =
    (ask: 'chat' | 'complete') =>
    (request: { readonly stream?: boolean | null }, options?: RequestOptions): unknown => {
      // Overloads of the client: the result type depends on `stream`.
      const run = client[ask] as (request: object, options?: RequestOptions) => never
      return request.stream === true
        ? streamed(options, () => run(request, options))
        : whole(options, () => run(request, options))
    }
  return {
    ...client,
    chat: answered('chat') as GatewayClient['chat'],
    complete: answered('complete') as GatewayClient['complete'],
    embed: (request, options) => whole(options, () => client.embed(request, options)),
  }
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

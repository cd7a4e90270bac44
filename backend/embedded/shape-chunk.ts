import type { CompletionLogprobs, TokenLogprob } from '../../protocol/index.ts'
import type { BackendChunk } from '../backend.ts'
import type { EmbeddingEvent, ScoreEvent, TextEvent } from './messages.ts'

/** What the engine tells, as an OpenAI chunk. */
export class ChunkShaper {
  readonly #kind: 'chat' | 'completion'
  readonly #model: string
  readonly #withLogprobs: boolean
  #offset = 0

  constructor(kind: 'chat' | 'completion', model: string, withLogprobs: boolean) {
    this.#kind = kind
    this.#model = model
    this.#withLogprobs = withLogprobs
  }

  shape(event: TextEvent): BackendChunk {
    const { tokenIds, logprobs } = event
    return {
      type: 'chunk',
      json: this.#kind === 'chat' ? this.#chat(event) : this.#completion(event),
      tokenIds,
      logprobs: logprobs.map(({ logprob }) => logprob),
    }
  }

  #chat({ text, logprobs, finishReason }: TextEvent): BackendChunk['json'] {
    return {
      id: '',
      object: 'chat.completion.chunk',
      created: 0,
      model: this.#model,
      choices: [
        {
          index: 0,
          delta: text === '' ? {} : { content: text },
          finish_reason: finishReason,
          ...(this.#withLogprobs && { logprobs: { content: logprobs } }),
        },
      ],
    }
  }

  #completion({ text, logprobs, finishReason }: TextEvent): BackendChunk['json'] {
    return {
      id: '',
      object: 'text_completion',
      created: 0,
      model: this.#model,
      choices: [
        {
          index: 0,
          text,
          finish_reason: finishReason,
          ...(this.#withLogprobs && { logprobs: this.#completionLogprobs(logprobs) }),
        },
      ],
    }
  }

  #completionLogprobs(logprobs: readonly TokenLogprob[]): CompletionLogprobs {
    const text_offset = logprobs.map(({ token }) => {
      const offset = this.#offset
      this.#offset += token.length
      return offset
    })
    return {
      tokens: logprobs.map(({ token }) => token),
      token_logprobs: logprobs.map(({ logprob }) => logprob),
      top_logprobs: logprobs.map(({ top_logprobs }) =>
        Object.fromEntries(top_logprobs.map(({ token, logprob }) => [token, logprob])),
      ),
      text_offset,
    }
  }
}

export function embeddingChunk({ index, embedding }: EmbeddingEvent): BackendChunk {
  const json = { object: 'embedding', index, embedding } as const
  return { type: 'chunk', json, tokenIds: [], logprobs: [] }
}

export function scoreChunk({ response }: ScoreEvent): BackendChunk {
  return { type: 'chunk', json: response, tokenIds: [], logprobs: [] }
}

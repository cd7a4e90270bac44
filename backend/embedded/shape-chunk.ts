import type { BackendChunk } from '../backend.ts'
import { completionShape } from '../logprobs.ts'
import type { EmbeddingEvent, ScoreEvent, TextEvent } from './messages.ts'

/** An engine event as an OpenAI chunk. */
export class ChunkShaper {
  readonly #kind: 'chat' | 'completion'
  readonly #model: string
  readonly #withLogprobs: boolean

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
      // One per id, or none: probabilities wait for their text, ids do not.
      logprobs: logprobs.length === tokenIds.length ? logprobs.map(({ logprob }) => logprob) : [],
    }
  }

  #chat({
    text,
    reasoning = '',
    calls = [],
    logprobs,
    finishReason,
    stop,
  }: TextEvent): BackendChunk['json'] {
    return {
      id: '',
      object: 'chat.completion.chunk',
      created: 0,
      model: this.#model,
      choices: [
        {
          index: 0,
          delta: {
            ...(reasoning !== '' && { reasoning_content: reasoning }),
            ...(text !== '' && { content: text }),
            ...(calls.length > 0 && { tool_calls: calls }),
          },
          finish_reason: finishReason,
          ...(stop !== undefined && { stop_reason: stop }),
          ...(this.#withLogprobs && { logprobs: { content: logprobs } }),
        },
      ],
    }
  }

  #completion({ text, logprobs, finishReason, stop }: TextEvent): BackendChunk['json'] {
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
          ...(stop !== undefined && { stop_reason: stop }),
          ...(this.#withLogprobs && { logprobs: completionShape(logprobs) }),
        },
      ],
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

import type { InferenceKind } from '../../protocol/index.ts'
import type { BackendEvent } from '../backend.ts'

/** The rest of an answer that has all its tokens already. */
export function* spentAnswer(kind: InferenceKind, model: string): Generator<BackendEvent> {
  const end = { index: 0, finish_reason: 'length' } as const
  const json =
    kind === 'chat'
      ? ({
          ...{ id: '', created: 0, model },
          object: 'chat.completion.chunk',
          choices: [{ ...end, delta: {} }],
        } as const)
      : ({
          ...{ id: '', created: 0, model },
          object: 'text_completion',
          choices: [{ ...end, text: '' }],
        } as const)
  yield { type: 'chunk', json, tokenIds: [], logprobs: [] }
  const usage = { promptTokens: 0, completionTokens: 0, cachedPromptTokens: 0 }
  yield { type: 'done', usage, timings: { prefillMs: 0, decodeMs: 0 } }
}

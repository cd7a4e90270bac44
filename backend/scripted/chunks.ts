import type {
  ChatChunk,
  ChatDelta,
  CompletionChunk,
  FinishReason,
  InferenceKind,
  TokenLogprob,
} from '../../protocol/index.ts'
import type { BackendChunk } from '../backend.ts'
import { decodeToken } from './tokens.ts'

/** Every token of a scripted engine has this probability, as a natural logarithm. */
const LOGPROB = -0.125

/** What one chunk adds to the answer. */
interface ScriptedChunk {
  readonly text: string
  readonly ids: readonly number[]
  readonly finish: FinishReason | null
  readonly withLogprobs: boolean
  /** The stop string that ended the answer. */
  readonly stop?: string | undefined
}

export function textChunk(kind: InferenceKind, model: string, piece: ScriptedChunk): BackendChunk {
  const { text, ids, finish, withLogprobs, stop } = piece
  const met = stop === undefined ? {} : { stop_reason: stop }
  const logprobs = ids.map(() => LOGPROB)
  if (kind === 'chat') {
    const delta = text === '' ? {} : { content: text }
    const chosen = { ...met, ...(withLogprobs && { logprobs: { content: ids.map(tokenLogprob) } }) }
    return { type: 'chunk', json: chatChunk(model, delta, finish, chosen), tokenIds: ids, logprobs }
  }
  const json: CompletionChunk = {
    id: '',
    object: 'text_completion',
    created: 0,
    model,
    choices: [
      {
        index: 0,
        text,
        finish_reason: finish,
        ...met,
        ...(withLogprobs && {
          logprobs: {
            tokens: ids.map(decodeToken),
            token_logprobs: logprobs,
            top_logprobs: null,
            text_offset: [],
          },
        }),
      },
    ],
  }
  return { type: 'chunk', json, tokenIds: ids, logprobs }
}

/** A chunk that carries something else than text. */
export function deltaChunk(
  model: string,
  delta: ChatDelta,
  tokenIds: readonly number[] = [],
  finish: FinishReason | null = null,
): BackendChunk {
  const logprobs = tokenIds.map(() => LOGPROB)
  return { type: 'chunk', json: chatChunk(model, delta, finish, {}), tokenIds, logprobs }
}

export function embeddingChunk(index: number, embedding: readonly number[]): BackendChunk {
  const json = { object: 'embedding', index, embedding } as const
  return { type: 'chunk', json, tokenIds: [], logprobs: [] }
}

/** No OpenAI chunk at all, as a broken engine may send. */
export function garbageChunk(): BackendChunk {
  const json = { garbage: [null, { deep: '\u0000' }] } as unknown as ChatChunk
  return { type: 'chunk', json, tokenIds: [], logprobs: [] }
}

function chatChunk(
  model: string,
  delta: ChatDelta,
  finish: FinishReason | null,
  extra: Pick<ChatChunk['choices'][number], 'logprobs'>,
): ChatChunk {
  return {
    id: '',
    object: 'chat.completion.chunk',
    created: 0,
    model,
    choices: [{ index: 0, delta, finish_reason: finish, ...extra }],
  }
}

function tokenLogprob(id: number): TokenLogprob {
  const token = decodeToken(id)
  return { token, logprob: LOGPROB, bytes: [...new TextEncoder().encode(token)], top_logprobs: [] }
}

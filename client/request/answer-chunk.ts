import type {
  AnswerRequest,
  ChatChunkChoice,
  CompletionChunk,
  EmbeddingItem,
  FinishReason,
  ScoreResponse,
} from '../../protocol/index.ts'

/** A peer's chunk without the fields that the client sets itself (`id`, `model`, `created`, usage). */
export type AnswerChunk =
  | { readonly kind: 'chat'; readonly choices: readonly ChatChunkChoice[] }
  | { readonly kind: 'completion'; readonly choices: CompletionChunk['choices'] }
  | { readonly kind: 'embedding'; readonly item: EmbeddingItem }
  | ({ readonly kind: 'score' } & ScoreResponse)

/** Whether the caller would see any of it: the commit point. A role, an empty delta or a bare finish reason is not visible. */
export function isVisible(chunk: AnswerChunk): boolean {
  switch (chunk.kind) {
    case 'chat':
      return chunk.choices.some(hasDelta)
    case 'completion':
      return chunk.choices.some((choice) => choice.text !== '')
    case 'embedding':
    case 'score':
      return true
    default:
      return chunk satisfies never
  }
}

/** Whether a chat choice carries content, reasoning, a refusal or a tool call. */
export function hasDelta({ delta }: ChatChunkChoice): boolean {
  return (
    (delta.content ?? '') !== '' ||
    (delta.reasoning_content ?? '') !== '' ||
    (delta.refusal ?? '') !== '' ||
    (delta.tool_calls ?? []).length > 0
  )
}

/** A chunk as it came from a peer, with its token ids and log probabilities. */
export interface AnswerPiece {
  readonly chunk: AnswerChunk
  readonly visible: boolean
  readonly tokenIds: readonly number[]
  readonly logprobs: readonly number[]
}

/** Whether a chunk carries a finish reason. */
export function isEnd({ chunk }: Pick<AnswerPiece, 'chunk'>): boolean {
  if (chunk.kind === 'embedding' || chunk.kind === 'score') return false
  return chunk.choices.some(({ finish_reason }) => finish_reason !== null)
}

/** All text of a chunk: content, reasoning and refusals, but not tool calls. */
export function shownText(chunk: AnswerChunk): string {
  if (chunk.kind === 'embedding' || chunk.kind === 'score') return ''
  let shown = ''
  for (const choice of chunk.choices) {
    if ('text' in choice) shown += choice.text
    else {
      const { content, reasoning_content, refusal } = choice.delta
      shown += (content ?? '') + (reasoning_content ?? '') + (refusal ?? '')
    }
  }
  return shown
}

/** Everything that a chunk shows except reasoning: text, refusals, and names and arguments of tool calls. */
export function shownAnswer(chunk: AnswerChunk): string {
  if (chunk.kind !== 'chat') return shownText(chunk)
  let shown = ''
  for (const { delta } of chunk.choices) {
    shown += (delta.content ?? '') + (delta.refusal ?? '')
    for (const { function: called } of delta.tool_calls ?? []) {
      shown += (called?.name ?? '') + (called?.arguments ?? '')
    }
  }
  return shown
}

export function reasoningText(chunk: AnswerChunk): string {
  let reasoning = ''
  if (chunk.kind !== 'chat') return reasoning
  for (const { delta } of chunk.choices) reasoning += delta.reasoning_content ?? ''
  return reasoning
}

/** UTF-8 bytes of everything that a chunk shows, tool calls and reasoning included. */
export function shownBytes(chunk: AnswerChunk): number {
  return Buffer.byteLength(shownAnswer(chunk)) + Buffer.byteLength(reasoningText(chunk))
}

/** A final chunk for an answer that is complete but lost its own. */
export function finishChunk(kind: AnswerRequest['kind'], finish_reason: FinishReason): AnswerChunk {
  return kind === 'chat'
    ? { kind: 'chat', choices: [{ index: 0, delta: {}, finish_reason }] }
    : { kind: 'completion', choices: [{ index: 0, text: '', finish_reason, logprobs: null }] }
}

/** Number of tokens in a chunk; a visible chunk without ids counts as one. */
export function tokensOf({ tokenIds, visible }: Pick<AnswerPiece, 'tokenIds' | 'visible'>): number {
  return tokenIds.length > 0 ? tokenIds.length : Number(visible)
}

/** Max tokens of an answer that are counted but never shown: those that end a turn or frame a tool call. */
export const UNSEEN_TOKENS = 64

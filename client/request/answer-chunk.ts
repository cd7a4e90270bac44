import type {
  AnswerRequest,
  ChatChunkChoice,
  CompletionChunk,
  EmbeddingItem,
  FinishReason,
  ScoreResponse,
} from '../../protocol/index.ts'
/** What a peer's chunk says, stripped of what is not the peer's to say (`id`, `model`, `created`, usage). */
export type AnswerChunk =
  | { readonly kind: 'chat'; readonly choices: readonly ChatChunkChoice[] }
  | { readonly kind: 'completion'; readonly choices: CompletionChunk['choices'] }
  | { readonly kind: 'embedding'; readonly item: EmbeddingItem }
  | ({ readonly kind: 'score' } & ScoreResponse)

/** Whether a caller would see something of it: the commit point. A role, an empty delta or a bare end is nothing to see. */
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

/** Whether a choice of a chat carries content, reasoning, a refusal or a tool call. */
export function hasDelta({ delta }: ChatChunkChoice): boolean {
  return (
    (delta.content ?? '') !== '' ||
    (delta.reasoning_content ?? '') !== '' ||
    (delta.refusal ?? '') !== '' ||
    (delta.tool_calls ?? []).length > 0
  )
}

/** A piece of an answer as it came from a peer. */
export interface Piece {
  readonly chunk: AnswerChunk
  readonly visible: boolean
  readonly tokenIds: readonly number[]
  readonly logprobs: readonly number[]
}

/** Whether a piece says that the answer is over. */
export function isEnd({ chunk }: Pick<Piece, 'chunk'>): boolean {
  if (chunk.kind === 'embedding' || chunk.kind === 'score') return false
  return chunk.choices.some(({ finish_reason }) => finish_reason !== null)
}

/** All text of a chunk: content, reasoning and refusals, but not tool calls. */
export function shownText(chunk: AnswerChunk): string {
  if (chunk.kind === 'embedding' || chunk.kind === 'score') return ''
  if (chunk.kind === 'completion') return chunk.choices.map(({ text }) => text).join('')
  const shown = chunk.choices.flatMap(({ delta: { content, reasoning_content, refusal } }) => [
    content ?? '',
    reasoning_content ?? '',
    refusal ?? '',
  ])
  return shown.join('')
}

/** Everything that a chunk shows but reasoning: text, refusals, and the names and arguments of tool calls. */
export function shownAnswer(chunk: AnswerChunk): string {
  if (chunk.kind !== 'chat') return shownText(chunk)
  const shown = chunk.choices.flatMap(({ delta: { content, refusal, tool_calls = [] } }) => [
    content ?? '',
    refusal ?? '',
    ...tool_calls.map((call) => (call.function?.name ?? '') + (call.function?.arguments ?? '')),
  ])
  return shown.join('')
}

export function reasoningText(chunk: AnswerChunk): string {
  if (chunk.kind !== 'chat') return ''
  return chunk.choices.map(({ delta }) => delta.reasoning_content ?? '').join('')
}

/** UTF-8 bytes of everything that a chunk shows, tool calls and reasoning included. */
export function shownBytes(chunk: AnswerChunk): number {
  return Buffer.byteLength(shownAnswer(chunk)) + Buffer.byteLength(reasoningText(chunk))
}

/** The formal end of an answer that ended in fact. */
export function finishChunk(kind: AnswerRequest['kind'], finish_reason: FinishReason): AnswerChunk {
  return kind === 'chat'
    ? { kind: 'chat', choices: [{ index: 0, delta: {}, finish_reason }] }
    : { kind: 'completion', choices: [{ index: 0, text: '', finish_reason, logprobs: null }] }
}

/** Tokens of a piece, as far as they are known: one, where it came without ids. */
export function tokensOf({ tokenIds, visible }: Pick<Piece, 'tokenIds' | 'visible'>): number {
  return tokenIds.length > 0 ? tokenIds.length : Number(visible)
}

/** Tokens of an answer that are counted and never shown, at most: those that end a turn or frame a tool call. */
export const UNSEEN_TOKENS = 64

import type { AnswerRequest, FinishReason } from '../../protocol/index.ts'
import type { AnswerChunk } from '../attempt/index.ts'

/** A piece of an answer as it came from a peer. */
export interface Piece {
  readonly chunk: AnswerChunk
  readonly visible: boolean
  readonly tokenIds: readonly number[]
  readonly logprobs: readonly number[]
}

/** What the caller has of an answer, whoever served it, and what the engines had generated for it. */
export class Transcript {
  readonly #texts: string[] = []
  readonly #tokenIds: number[] = []
  #tokens = 0
  #idsComplete: boolean = true
  #finishReason: FinishReason | undefined
  #beyondText: 'tool calls' | 'reasoning' | 'a refusal' | undefined
  #lastTokenShown: boolean = false
  #begun: boolean = false

  /** @param hasIds whether the engine that sent it tells the ids of all its tokens */
  take({ chunk, visible, tokenIds }: Piece, hasIds: boolean): void {
    this.#begun ||= visible
    this.#tokens += tokensOf({ visible, tokenIds })
    const first = this.#tokenIds.length === 0 && tokenIds.length === 0
    if (visible && (!hasIds || first)) this.#idsComplete = false
    for (const id of tokenIds) this.#tokenIds.push(id)
    if (tokenIds.length > 0) this.#lastTokenShown = visible
    switch (chunk.kind) {
      case 'completion':
        for (const { text, finish_reason } of chunk.choices) {
          this.#add(text)
          this.#finishReason ??= finish_reason ?? undefined
        }
        break
      case 'chat':
        for (const { delta, finish_reason } of chunk.choices) {
          this.#add(delta.content ?? '')
          if ((delta.tool_calls ?? []).length > 0) this.#beyondText ??= 'tool calls'
          if ((delta.reasoning_content ?? '') !== '') this.#beyondText ??= 'reasoning'
          if ((delta.refusal ?? '') !== '') this.#beyondText ??= 'a refusal'
          this.#finishReason ??= finish_reason ?? undefined
        }
        break
      case 'embedding':
      case 'score':
        break
      default:
        chunk satisfies never
    }
  }

  /** Whether the caller has seen anything. */
  get begun(): boolean {
    return this.#begun
  }

  get text(): string {
    return this.#texts.join('')
  }

  /** UTF-8 bytes of the text. */
  get bytes(): number {
    // Of the whole: halves of a surrogate pair that came apart are fewer bytes together.
    return Buffer.byteLength(this.text)
  }

  /** Every token so far; `undefined` where a piece came without. */
  get tokenIds(): readonly number[] | undefined {
    return this.#idsComplete ? this.#tokenIds : undefined
  }

  /** What follows was written after the text alone: the ids so far may not be those that its engine read. */
  forgetIds(): void {
    this.#idsComplete = false
  }

  /** Completion tokens, as far as they are known: pieces, where they came without ids. */
  get tokens(): number {
    return this.#tokens
  }

  /** Of the only choice. */
  get finishReason(): FinishReason | undefined {
    return this.#finishReason
  }

  /** What was shown that a text to go on from does not hold. */
  get beyondText(): string | undefined {
    return this.#beyondText
  }

  /** Whether nothing of the newest token can have been held back, but for a possible stop string. */
  get lastTokenShown(): boolean {
    return this.#lastTokenShown
  }

  #add(text: string): void {
    if (text !== '') this.#texts.push(text)
  }
}

/** Whether a piece says that the answer is over. */
export function isEnd({ chunk }: Pick<Piece, 'chunk'>): boolean {
  if (chunk.kind === 'embedding' || chunk.kind === 'score') return false
  return chunk.choices.some(({ finish_reason }) => finish_reason !== null)
}

/** What the caller reads of a chunk. */
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

/** UTF-8 bytes of all that a chunk shows, tool calls included. */
export function shownBytes(chunk: AnswerChunk): number {
  const calls =
    chunk.kind === 'chat' ? chunk.choices.flatMap(({ delta }) => delta.tool_calls ?? []) : []
  const called = calls.map((call) => (call.function?.name ?? '') + (call.function?.arguments ?? ''))
  return Buffer.byteLength(shownText(chunk) + called.join(''))
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

import type { FinishReason } from '../../protocol/index.ts'
import { type Piece, tokensOf } from '../request/index.ts'
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

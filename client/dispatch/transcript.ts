import type { FinishReason } from '../../protocol/index.ts'
import { type AnswerPiece, tokensOf } from '../request/index.ts'
/** The answer as the caller has received it, from all its peers, and the tokens that the engines generated for it. */
export class Transcript {
  readonly #texts: string[] = []
  readonly #tokenIds: number[] = []
  #tokens = 0
  #idsComplete: boolean = true
  #finishReason: FinishReason | undefined
  #beyondText: 'tool calls' | 'reasoning' | 'a refusal' | undefined
  #lastTokenShown: boolean = false
  #begun: boolean = false

  /** @param hasIds whether the engine that sent the piece reports the ids of all its tokens */
  take({ chunk, visible, tokenIds }: AnswerPiece, hasIds: boolean): void {
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
    // Counted on the joined text: two halves of a surrogate pair have fewer bytes together than apart.
    return Buffer.byteLength(this.text)
  }

  /** Ids of all tokens so far; `undefined` if a piece had no ids. */
  get tokenIds(): readonly number[] | undefined {
    return this.#idsComplete ? this.#tokenIds : undefined
  }

  /** Call when the next part continues from the text alone: its engine may have tokenized the text differently. */
  forgetIds(): void {
    this.#idsComplete = false
  }

  /** Completion tokens as far as known; a piece without ids counts as one. */
  get tokens(): number {
    return this.#tokens
  }

  /** Finish reason of the only choice. */
  get finishReason(): FinishReason | undefined {
    return this.#finishReason
  }

  /** Shown output that is not part of the text, so that the answer cannot be resumed. */
  get beyondText(): string | undefined {
    return this.#beyondText
  }

  /** Whether the newest token was shown in full, except for what a stop string may hold back. */
  get lastTokenShown(): boolean {
    return this.#lastTokenShown
  }

  #add(text: string): void {
    if (text !== '') this.#texts.push(text)
  }
}

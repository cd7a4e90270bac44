import type { FinishReason } from '../../protocol/index.ts'
import { type AnswerChunk, type AnswerPiece, isVisible, tokensOf } from '../request/index.ts'
/** The answer as the caller has received it, from all its peers, and the tokens that the engines generated for it. */
export class Transcript {
  readonly #texts: string[] = []
  readonly #tokenIds: number[] = []
  #tokens = 0
  /** Tokens of tool calls that the caller has not seen. */
  #heldTokens = 0
  #idsComplete: boolean = true
  #finishReason: FinishReason | undefined
  #reasoning: string = ''
  #beyondText: 'tool calls' | 'reasoning after the text' | 'a refusal' | undefined
  #lastTokenShown: boolean = false
  #begun: boolean = false

  /**
   * Counts the tokens of a piece.
   *
   * @param hasIds whether the engine that sent the piece reports the ids of all its tokens
   * @param isHeld whether the piece is held back
   */
  count({ visible, tokenIds }: AnswerPiece, hasIds: boolean, isHeld = false): void {
    const tokens = tokensOf({ visible, tokenIds })
    this.#tokens += tokens
    if (isHeld) this.#heldTokens += tokens
    const first = this.#tokenIds.length === 0 && tokenIds.length === 0
    if (visible && (!hasIds || first)) this.#idsComplete = false
    for (const id of tokenIds) this.#tokenIds.push(id)
    if (tokenIds.length > 0) this.#lastTokenShown = visible
  }

  /** Records what the caller gets. */
  show(shown: AnswerChunk): void {
    this.#begun ||= isVisible(shown)
    switch (shown.kind) {
      case 'completion':
        for (const { text, finish_reason } of shown.choices) {
          this.#add(text)
          this.#finishReason ??= finish_reason ?? undefined
        }
        break
      case 'chat':
        for (const { delta, finish_reason } of shown.choices) {
          this.#think(delta.reasoning_content ?? '')
          this.#add(delta.content ?? '')
          if ((delta.tool_calls ?? []).length > 0) this.#beyondText ??= 'tool calls'
          if ((delta.refusal ?? '') !== '') this.#beyondText ??= 'a refusal'
          this.#finishReason ??= finish_reason ?? undefined
        }
        break
      case 'embedding':
      case 'score':
        break
      default:
        shown satisfies never
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

  /**
   * Call when the next part continues from the text alone: its engine may have tokenized the text differently, and writes
   * anew what was held back.
   */
  continueFromText(): void {
    this.#idsComplete = false
    this.#tokens -= this.#heldTokens
    this.#heldTokens = 0
  }

  /** Completion tokens as far as known; a piece without ids counts as one. */
  get tokens(): number {
    return this.#tokens
  }

  /** Finish reason of the only choice. */
  get finishReason(): FinishReason | undefined {
    return this.#finishReason
  }

  get reasoning(): string {
    return this.#reasoning
  }

  /** Shown output that no engine can be given to continue from. */
  get beyondText(): string | undefined {
    return this.#beyondText
  }

  /** Whether the newest token was shown in full, except for what a stop string may hold back. */
  get lastTokenShown(): boolean {
    return this.#lastTokenShown
  }

  /** No engine takes reasoning that follows the text. */
  #think(reasoning: string): void {
    if (reasoning === '') return
    if (this.#texts.length > 0) this.#beyondText ??= 'reasoning after the text'
    this.#reasoning += reasoning
  }

  #add(text: string): void {
    if (text !== '') this.#texts.push(text)
  }
}

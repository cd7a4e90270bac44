import type { CompletionChunk, CompletionLogprobs } from '../../protocol/index.ts'

/**
 * Computes where the tokens of a text completion begin in its text, in characters. Offsets of engines are not usable:
 * some count from elsewhere, some count control tokens that are not shown, some report none.
 */
export class TextOffsets {
  #text = ''
  #at = 0
  /** The last token was only a part of a character. */
  #isPartial: boolean = false

  /** @param text shown with the tokens; it may lag behind them, but is never ahead */
  take(text: string, logprobs: CompletionLogprobs): CompletionLogprobs {
    this.#text += text
    return { ...logprobs, text_offset: logprobs.tokens.map((token) => this.#place(token)) }
  }

  /** Adds text without log probabilities. */
  skip(text: string): void {
    this.#text += text
    this.#at = this.#text.length
  }

  #place(token: string): number {
    if (token.includes('\uFFFD')) {
      this.#isPartial = true
      return this.#at
    }
    // Some tokenizers spell a space in front of the first word, which is not shown.
    const spelled = this.#at === 0 && !this.#text.startsWith(' ') ? token.trimStart() : token
    const from = this.#isPartial ? this.#text.indexOf(spelled, this.#at) : this.#at
    const begin = from < 0 ? this.#at : from
    // A token that is not in the text is a control token of length 0.
    const rest = this.#text.slice(begin)
    const isShown = spelled !== '' && (rest.startsWith(spelled) || spelled.startsWith(rest))
    if (!isShown || rest === '') return begin
    this.#isPartial = false
    this.#at = Math.min(this.#text.length, begin + spelled.length)
    return begin
  }
}

/** The choice with `text_offset` for each token. */
export function placed(
  choice: CompletionChunk['choices'][number],
  offsets: Map<number, TextOffsets>,
): CompletionChunk['choices'][number] {
  const { index, text, logprobs } = choice
  const found = offsets.get(index) ?? new TextOffsets()
  offsets.set(index, found)
  if (logprobs) return { ...choice, logprobs: found.take(text, logprobs) }
  found.skip(text)
  return choice
}

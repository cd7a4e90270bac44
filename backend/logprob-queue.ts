import type { TokenLogprob } from '../protocol/index.ts'

const encoder = new TextEncoder()

interface Waiting {
  readonly entry: TokenLogprob
  /** Bytes that the tokens before it spell. */
  readonly start: number
}

/**
 * Holds the probabilities of tokens back until the text that they spell is shown, so that an answer that a stop string ends
 * tells of the tokens up to there and of no others.
 */
export class LogprobQueue {
  #waiting: Waiting[] = []
  #spelled = 0
  #shown = 0

  /** @param isHidden a control token, whose text is not part of the answer */
  push(entry: TokenLogprob, isHidden = false): void {
    this.#waiting.push({ entry, start: this.#spelled })
    if (!isHidden) this.#spelled += byteLength(entry)
  }

  /** Those of the tokens that begin within what is shown now, the new text included. */
  take(text: string): TokenLogprob[] {
    const [first] = this.#waiting
    // Some tokenizers spell a space in front of the first word, which is not shown.
    const isTrimmed = this.#shown === 0 && first?.entry.token.startsWith(' ') === true
    if (isTrimmed && text !== '' && !text.startsWith(' ')) this.#shown = 1
    this.#shown += encoder.encode(text).length
    const held = this.#waiting.findIndex(({ start }) => start >= this.#shown)
    const shown = this.#waiting.splice(0, held === -1 ? this.#waiting.length : held)
    return shown.map(({ entry }) => entry)
  }

  /** All that is left, of an answer that ended by itself. */
  rest(): TokenLogprob[] {
    return this.#waiting.splice(0).map(({ entry }) => entry)
  }
}

/** A replacement character stands for one byte of a character that other tokens complete. */
function byteLength({ token, bytes }: TokenLogprob): number {
  return bytes?.length ?? encoder.encode(token.replaceAll('\uFFFD', '?')).length
}

import type { TokenLogprob } from '../protocol/index.ts'

const encoder = new TextEncoder()

interface Waiting {
  readonly entry: TokenLogprob
  /** Bytes of text before this token. */
  readonly start: number
}

/**
 * Holds back log probabilities of tokens until their text is shown, so that an answer ended by a stop string has those of
 * the tokens up to there and no others.
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

  /** Entries of tokens that begin within the text shown so far, the new text included. */
  take(text: string): TokenLogprob[] {
    const [first] = this.#waiting
    // Some tokenizers put a space before the first word, which is not shown.
    const isTrimmed = this.#shown === 0 && first?.entry.token.startsWith(' ') === true
    if (isTrimmed && text !== '' && !text.startsWith(' ')) this.#shown = 1
    this.#shown += encoder.encode(text).length
    const held = this.#waiting.findIndex(({ start }) => start >= this.#shown)
    const shown = this.#waiting.splice(0, held === -1 ? this.#waiting.length : held)
    return shown.map(({ entry }) => entry)
  }

  /** The remainder, for an answer that ended by itself. */
  rest(): TokenLogprob[] {
    return this.#waiting.splice(0).map(({ entry }) => entry)
  }
}

/** A replacement character stands for one byte of a character that other tokens complete. */
function byteLength({ token, bytes }: TokenLogprob): number {
  return bytes?.length ?? encoder.encode(token.replaceAll('\uFFFD', '?')).length
}

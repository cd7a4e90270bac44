/** Pieces of the longest cycle that is noticed. */
const MAX_CYCLE = 8
/** A cycle of no more characters does not count: rows of zeros, spaces and dashes are legitimate. LiteLLM exempts such too. */
const MAX_EXEMPT_CHARACTERS = 2

/** Notices that an answer goes round in circles. Eight comparisons a piece; remembers eight pieces. */
export class RepetitionDetector {
  readonly #maxRepeats: number
  /** The last pieces, by their number modulo `MAX_CYCLE`. */
  readonly #pieces: string[] = []
  /** By length of cycle: how many pieces in a row equal the one that many before. */
  readonly #matches: number[] = new Array<number>(MAX_CYCLE + 1).fill(0)
  #count = 0

  /** @param maxRepeats times in a row, at least 2 */
  constructor(maxRepeats: number) {
    this.#maxRepeats = Math.max(2, Math.ceil(maxRepeats))
  }

  /**
   * True as long as the same piece, or the same cycle of 2 to 8 pieces, has come `maxRepeats` times in a row. Empty
   * pieces do not count.
   */
  push(piece: string): boolean {
    if (piece === '') return false
    for (let length = 1; length <= MAX_CYCLE; length += 1) {
      const matches = length <= this.#count && this.#piece(length) === piece
      this.#matches[length] = matches ? (this.#matches[length] ?? 0) + 1 : 0
    }
    this.#pieces[this.#count % MAX_CYCLE] = piece
    this.#count += 1
    return this.#isLoop()
  }

  /** The piece so many before the one that comes next. */
  #piece(back: number): string | undefined {
    return this.#pieces[(this.#count - back) % MAX_CYCLE]
  }

  #isLoop(): boolean {
    let exempt = 0
    for (let length = 1; length <= MAX_CYCLE; length += 1) {
      // Three zeros in a cycle are one zero, repeated: a multiple of an exempt cycle is the same cycle.
      if (exempt !== 0 && length % exempt === 0) continue
      // The first round matches nothing before it.
      if ((this.#matches[length] ?? 0) < length * (this.#maxRepeats - 1)) continue
      if (this.#characters(length) > MAX_EXEMPT_CHARACTERS) return true
      exempt ||= length
    }
    return false
  }

  #characters(pieces: number): number {
    let characters = 0
    for (let back = 1; back <= pieces; back += 1) {
      for (const _ of this.#piece(back) ?? '') {
        characters += 1
        if (characters > MAX_EXEMPT_CHARACTERS) return characters
      }
    }
    return characters
  }
}

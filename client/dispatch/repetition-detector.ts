/** Longest cycle that is detected, in pieces. */
const MAX_CYCLE = 8
/** Cycles up to this many characters are exempt, as in LiteLLM: rows of zeros, spaces and dashes are legitimate. */
const MAX_EXEMPT_CHARACTERS = 2

/** Detects an answer that repeats itself. Makes eight comparisons per piece and keeps eight pieces. */
export class RepetitionDetector {
  readonly #maxRepeats: number
  /** The last pieces, indexed by their number modulo `MAX_CYCLE`. */
  readonly #pieces: string[] = []
  /** For each cycle length: how many pieces in a row equal the piece that many places before. */
  readonly #matches: number[] = new Array<number>(MAX_CYCLE + 1).fill(0)
  #count = 0

  /** @param maxRepeats repeats in a row that count as a loop; at least 2 */
  constructor(maxRepeats: number) {
    this.#maxRepeats = Math.max(2, Math.ceil(maxRepeats))
  }

  /**
   * Adds a piece. True while the same piece, or the same cycle of 2 to 8 pieces, has arrived `maxRepeats` times in a
   * row. Empty pieces do not count.
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

  /** The piece `back` places before the next one. */
  #piece(back: number): string | undefined {
    return this.#pieces[(this.#count - back) % MAX_CYCLE]
  }

  #isLoop(): boolean {
    let exempt = 0
    for (let length = 1; length <= MAX_CYCLE; length += 1) {
      // A multiple of an exempt cycle is the same cycle: three zeros are one zero, repeated.
      if (exempt !== 0 && length % exempt === 0) continue
      // The first round has nothing before it to match.
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

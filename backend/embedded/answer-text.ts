import { type Released, StopMatcher } from '../stop-matcher.ts'

/** Decodes token ids to text. `before` are the preceding ids: some tokenizers decode a word depending on its neighbour. */
export type Spell = (tokens: readonly number[], before: readonly number[]) => string

/** Text that may be shown, with every token generated since the last chunk. */
export interface TextPiece {
  readonly text: string
  /** May be ahead of `text`: possible stop strings and incomplete characters are held back. */
  readonly tokenIds: readonly number[]
  /** The answer ended at a stop string. */
  readonly stopped: boolean
  /** The stop string that matched. */
  readonly stop?: string
}

export interface AnswerTextInit {
  readonly spell: Spell
  /** Ids in front of the answer. */
  readonly prompt: readonly number[]
  readonly stops: readonly string[]
}

/** Ids kept as context for decoding the next ones. */
const NEIGHBOURS = 8
/** Most ids decoded together, so that an answer of n tokens takes O(n) steps instead of O(n²). */
const WINDOW = 16
/** An unfinished UTF-8 character shows as up to three of these. */
const UNFINISHED = /\uFFFD{1,3}$/

/**
 * Text of an answer while its tokens come in. Half characters and possible beginnings of stop strings are held back;
 * their ids go out with the text that follows, so every id is emitted exactly once, in order.
 */
export class AnswerText {
  readonly #spell: Spell
  readonly #stops: StopMatcher
  #before: readonly number[]
  #window: number[] = []
  /** Characters of the window that went on to the stop matcher. */
  #passed = 0
  #untold: number[] = []

  constructor(init: AnswerTextInit) {
    this.#spell = init.spell
    this.#stops = new StopMatcher(init.stops)
    this.#before = init.prompt.slice(-NEIGHBOURS)
  }

  /**
   * Takes in what an earlier engine generated, without emitting its ids again.
   *
   * @returns all of its text that may be shown.
   */
  resume(tokenIds: readonly number[]): Released {
    let text = ''
    for (const id of tokenIds) {
      const released = this.#stops.push(this.#newText(id))
      text += released.text
      if (released.stopped) return { ...released, text }
    }
    return { text, stopped: false }
  }

  /** {@link resume} for an earlier engine that gave no ids. Its ids, as far as they can be guessed, then belong in `prompt`. */
  resumeText(text: string): Released {
    return this.#stops.push(text)
  }

  /** @returns text that may be shown now, if any. */
  push(tokenId: number): TextPiece | undefined {
    this.#untold.push(tokenId)
    const released = this.#stops.push(this.#newText(tokenId))
    if (released.text === '' && !released.stopped) return undefined
    return { ...released, tokenIds: this.#takeUntold() }
  }

  /** Whether text of tokens so far is held back. */
  get isHolding(): boolean {
    return this.#stops.isHolding || this.#spellWindow().length > this.#passed
  }

  /** What is left at the end of the answer. */
  flush(): TextPiece {
    const rest = this.#spellWindow().slice(this.#passed)
    this.#passed += rest.length
    const released = this.#stops.push(rest)
    const held = released.stopped ? '' : this.#stops.flush()
    return { ...released, text: released.text + held, tokenIds: this.#takeUntold() }
  }

  #newText(tokenId: number): string {
    this.#window.push(tokenId)
    const spelled = this.#spellWindow()
    const whole = spelled.replace(UNFINISHED, '')
    const text = whole.slice(this.#passed)
    this.#passed = Math.max(this.#passed, whole.length)
    if (whole.length === spelled.length && this.#window.length >= WINDOW) {
      this.#before = [...this.#before, ...this.#window].slice(-NEIGHBOURS)
      this.#window = []
      this.#passed = 0
    }
    return text
  }

  #spellWindow(): string {
    return this.#window.length === 0 ? '' : this.#spell(this.#window, this.#before)
  }

  #takeUntold(): readonly number[] {
    const ids = this.#untold
    this.#untold = []
    return ids
  }
}

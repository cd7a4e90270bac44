/** A stretch of a prompt. In plain text, the spelling of a control token is just text. */
export interface PromptSegment {
  readonly text: string
  readonly plain: boolean
}

/**
 * Keeps user text from becoming control tokens. Texts are guarded before the chat template sees them: whatever
 * in them spells a special token, or could with the template's own text beside it, is replaced by a random word that
 * templates pass through. `split` puts the original back as a plain segment.
 */
export class SpecialTextGuard {
  readonly #specials: readonly string[]
  readonly #pattern: RegExp | undefined
  readonly #word: string
  readonly #hidden: string[] = []

  /** @param nonce Letters and digits that no user can guess. */
  constructor(specials: readonly string[], nonce: string) {
    this.#specials = specials.filter((text) => text !== '')
    this.#word = `x${nonce}x`
    // Longest first: an alternation takes the first match.
    const alternatives = [...this.#specials]
      .sort((a, b) => b.length - a.length)
      .map((text) => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'))
    this.#pattern = alternatives.length === 0 ? undefined : new RegExp(alternatives.join('|'), 'g')
  }

  /** The text as the template may see it. */
  guard(text: string): string {
    if (this.#pattern === undefined || text === '') return text
    const { head, tail } = this.#edges(text)
    const middle = text.slice(head, text.length - tail)
    return (
      this.#hide(text.slice(0, head)) +
      middle.replace(this.#pattern, (found) => this.#hide(found)) +
      this.#hide(text.slice(text.length - tail))
    )
  }

  /** A rendered template as stretches of template text and of plain text. */
  split(rendered: string): PromptSegment[] {
    return rendered
      .split(new RegExp(`${this.#word}(\\d+)y`))
      .map((part, index) =>
        index % 2 === 0
          ? { text: part, plain: false }
          : { text: this.#hidden[Number(part)] ?? '', plain: true },
      )
      .filter(({ text }) => text !== '')
  }

  #hide(text: string): string {
    if (text === '') return ''
    this.#hidden.push(text)
    return `${this.#word}${this.#hidden.length - 1}y`
  }

  /** Lengths of the text's ends that the template could complete to a special token. */
  #edges(text: string): { head: number; tail: number } {
    let head = 0
    let tail = 0
    for (const special of this.#specials) {
      for (let length = Math.min(special.length - 1, text.length); length > 0; length--) {
        if (length > head && text.startsWith(special.slice(-length))) head = length
        if (length > tail && text.endsWith(special.slice(0, length))) tail = length
      }
    }
    // Where they overlap, the whole text is edge.
    return head + tail > text.length ? { head: text.length, tail: 0 } : { head, tail }
  }
}

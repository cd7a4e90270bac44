/** Finds the end of a JSON object or list that is written in parts. */
export class JsonScan {
  #depth: number
  #inString: boolean = false
  #escaped: boolean = false
  #isOver: boolean = false

  /** @param depth of the objects and lists that have begun already. @default 0 */
  constructor(depth = 0) {
    this.#depth = depth
  }

  /** Whether the end was read. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** @returns what of the text belongs to the object or list */
  take(text: string): string {
    let end = 0
    for (const char of text) {
      if (this.#isOver) break
      end += char.length
      this.#advance(char)
    }
    return text.slice(0, end)
  }

  #advance(char: string): void {
    if (this.#escaped) this.#escaped = false
    else if (this.#inString && char === '\\') this.#escaped = true
    else if (char === '"') this.#inString = !this.#inString
    else if (this.#inString) return
    else if (char === '{' || char === '[') this.#depth += 1
    else if (char === '}' || char === ']') {
      this.#depth -= 1
      this.#isOver = this.#depth === 0
    }
  }
}

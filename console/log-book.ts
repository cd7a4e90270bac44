import { CONSOLE_LIMITS } from './limits.ts'
import type { LogLine } from './state.ts'

/** The last lines of a command's log. */
export class LogBook {
  #lines: LogLine[] = []
  #count: number = 0
  readonly #listeners = new Set<() => void>()

  add(text: string): void {
    this.#count += 1
    const short = text.slice(0, CONSOLE_LIMITS.maxLogLineLength)
    this.#lines.push({ id: this.#count, atMs: Date.now(), text: short })
    if (this.#lines.length > CONSOLE_LIMITS.maxLogLines) this.#lines.shift()
    for (const listener of this.#listeners) listener()
  }

  /** Oldest first. @param after only lines with a higher id */
  lines(after = 0): readonly LogLine[] {
    return this.#lines.filter(({ id }) => id > after)
  }

  /** @returns unsubscribe */
  onLine(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }
}

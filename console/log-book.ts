import { CONSOLE_LIMITS } from './limits.ts'
import type { LogLine } from './state.ts'

/** What is known of a line beside its text. */
type LineFields = Partial<Pick<LogLine, 'advice' | 'level'>>

/** The last lines of a command's log. */
export class LogBook {
  #lines: LogLine[] = []
  #count: number = 0
  readonly #listeners = new Set<() => void>()

  add(text: string, { level = 'info', advice }: LineFields = {}): void {
    this.#count += 1
    const short = (one: string): string => one.slice(0, CONSOLE_LIMITS.maxLogLineLength)
    this.#lines.push({
      ...{ id: this.#count, atMs: Date.now(), level, text: short(text) },
      ...(advice !== undefined && { advice: short(advice) }),
    })
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

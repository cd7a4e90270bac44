import { CONSOLE_LIMITS } from './limits.ts'

/** The prompts of the last requests, in memory only. For `ClientInit.onPrompt`. */
export class PromptBook {
  /** By request id, oldest first. */
  readonly #prompts = new Map<string, string>()
  #length: number = 0

  add(requestId: string, prompt: string): void {
    const { maxRequests, maxPromptCharacters } = CONSOLE_LIMITS
    this.#prompts.set(requestId, prompt)
    this.#length += prompt.length
    for (const [oldest, text] of this.#prompts) {
      if (this.#prompts.size <= maxRequests && this.#length <= maxPromptCharacters) break
      this.#prompts.delete(oldest)
      this.#length -= text.length
    }
  }

  of(requestId: string): string | undefined {
    return this.#prompts.get(requestId)
  }
}

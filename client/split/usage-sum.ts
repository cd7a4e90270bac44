import type { OpenAiUsage } from '../../protocol/index.ts'

/** The usage of a call with many choices, counted like OpenAI: each prompt once, plus the tokens of each choice. */
export class UsageSum {
  readonly #perPrompt: number
  readonly #prompts = new Map<number, { readonly tokens: number; readonly cached: number }>()
  #completionTokens = 0
  #reasoningTokens: number | undefined

  constructor(perPrompt: number) {
    this.#perPrompt = perPrompt
  }

  add(choice: number, usage: OpenAiUsage): void {
    const prompt = Math.floor(choice / this.#perPrompt)
    this.#completionTokens += usage.completion_tokens
    const { reasoning_tokens: reasoning } = usage.completion_tokens_details ?? {}
    this.#reasoningTokens = sumOf(this.#reasoningTokens, reasoning)
    if (this.#prompts.has(prompt)) return
    const cached = usage.prompt_tokens_details?.cached_tokens ?? 0
    this.#prompts.set(prompt, { tokens: usage.prompt_tokens, cached })
  }

  total(): OpenAiUsage {
    let promptTokens = 0
    let cachedTokens = 0
    for (const { tokens, cached } of this.#prompts.values()) {
      promptTokens += tokens
      cachedTokens += cached
    }
    return {
      prompt_tokens: promptTokens,
      completion_tokens: this.#completionTokens,
      total_tokens: promptTokens + this.#completionTokens,
      prompt_tokens_details: { cached_tokens: cachedTokens },
      ...(this.#reasoningTokens !== undefined && {
        completion_tokens_details: { reasoning_tokens: this.#reasoningTokens },
      }),
    }
  }
}

/** Undefined if both are. */
function sumOf(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined && other === undefined ? undefined : (one ?? 0) + (other ?? 0)
}

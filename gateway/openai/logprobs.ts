import type { ChatChunkChoice, CompletionLogprobs } from '../../protocol/index.ts'

/** An answer or a piece of one. */
export interface Choices {
  readonly choices: readonly object[]
}

type Logprobs = NonNullable<ChatChunkChoice['logprobs']> | CompletionLogprobs

/**
 * Log probabilities with the fields that OpenAI's schema has: those of chats name the refusal, which engines do not give
 * any for, and those of completions name the likeliest others only where there are some.
 */
export function withOpenAiLogprobs<T extends Choices>(answer: T): T {
  const { choices } = answer as {
    readonly choices: readonly { readonly logprobs?: Logprobs | null }[]
  }
  if (choices.every(({ logprobs }) => logprobs === undefined || logprobs === null)) return answer
  return {
    ...answer,
    choices: choices.map((choice) => ({ ...choice, logprobs: shown(choice.logprobs) })),
  }
}

function shown(logprobs: Logprobs | null | undefined): object | null {
  if (logprobs === undefined || logprobs === null) return null
  if ('content' in logprobs) return { ...logprobs, refusal: null }
  const { top_logprobs: others, ...rest } = logprobs
  return others === null ? rest : { ...rest, top_logprobs: others }
}

import type { ChatChunkChoice, CompletionLogprobs } from '../../protocol/index.ts'

/** An answer or a piece of one. */
export interface Choices {
  readonly choices: readonly object[]
}

type Logprobs = NonNullable<ChatChunkChoice['logprobs']> | CompletionLogprobs

/**
 * Answers with the fields that OpenAI's schema has, and no others. The log probabilities of chats name the refusal, which
 * engines do not give any for, and those of completions name the likeliest others only where there are some.
 */
export function inOpenAiShape<T extends Choices>(answer: T): T {
  const { choices } = answer as { readonly choices: readonly Choice[] }
  const hasLogprobs = choices.some(({ logprobs }) => (logprobs ?? null) !== null)
  if (!hasLogprobs && choices.every((choice) => !('stop_reason' in choice))) return answer
  return {
    ...answer,
    // The stop string that was met is told where a dialect has a place for it.
    choices: choices.map(({ stop_reason: _, ...choice }) => ({
      ...choice,
      ...(hasLogprobs && { logprobs: shown(choice.logprobs) }),
    })),
  }
}

interface Choice {
  readonly logprobs?: Logprobs | null
  readonly stop_reason?: string
}

function shown(logprobs: Logprobs | null | undefined): object | null {
  if (logprobs === undefined || logprobs === null) return null
  if ('content' in logprobs) return { ...logprobs, refusal: null }
  const { top_logprobs: others, ...rest } = logprobs
  return others === null ? rest : { ...rest, top_logprobs: others }
}

import type { ChatChunkChoice, CompletionLogprobs } from '../../protocol/index.ts'

/** An answer or a chunk. */
export interface Choices {
  readonly choices: readonly object[]
}

type Logprobs = NonNullable<ChatChunkChoice['logprobs']> | CompletionLogprobs

/**
 * Answers with exactly the fields of OpenAI's schema. Chat log probabilities always include `refusal`, for which engines
 * report none; those of completions include the alternatives only if there are any.
 */
export function inOpenAiShape<T extends Choices>(answer: T): T {
  const { choices } = answer as { readonly choices: readonly Choice[] }
  const hasLogprobs = choices.some(({ logprobs }) => (logprobs ?? null) !== null)
  if (!hasLogprobs && choices.every((choice) => !('stop_reason' in choice))) return answer
  return {
    ...answer,
    // Only some dialects have a field for the stop string that matched.
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

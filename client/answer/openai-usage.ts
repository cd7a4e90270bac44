import type { OpenAiUsage, Usage } from '../../protocol/index.ts'

export function openAiUsage(usage: Usage): OpenAiUsage {
  const { promptTokens, completionTokens, cachedPromptTokens, reasoningTokens } = usage
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: cachedPromptTokens },
    ...(reasoningTokens !== undefined && {
      completion_tokens_details: {
        reasoning_tokens: Math.min(reasoningTokens, completionTokens),
      },
    }),
  }
}

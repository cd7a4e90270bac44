import type { Usage } from '../../protocol/index.ts'
import { countAt, isAbsent, type Json, recordAt } from './field.ts'

/** Names of one count; the first that is present holds. */
const PROMPT = ['prompt_tokens', 'input_tokens'] as const
const COMPLETION = ['completion_tokens', 'output_tokens'] as const
/** DeepSeek's name for cached tokens, beside the counts. */
const CACHED = ['prompt_cache_hit_tokens', 'cached_tokens'] as const

/** @returns undefined if absent. @throws InferenceError `engine_failed` */
export function usageAt(value: unknown, path: string): Usage | undefined {
  if (isAbsent(value)) return undefined
  const usage = recordAt(value, path)
  const { prompt_tokens_details: read, completion_tokens_details: written } = usage
  const { reasoning_tokens: beside } = usage
  const { cached_tokens: cached } = recordAt(read, `${path}.prompt_tokens_details`)
  const { reasoning_tokens: thought } = recordAt(written, `${path}.completion_tokens_details`)
  const promptTokens = first(usage, PROMPT, path)
  const completionTokens = first(usage, COMPLETION, path)
  const reasoningTokens =
    countAt(thought, `${path}.completion_tokens_details.reasoning_tokens`) ??
    countAt(beside, `${path}.reasoning_tokens`) ??
    0
  const cachedPromptTokens =
    countAt(cached, `${path}.prompt_tokens_details.cached_tokens`) ?? first(usage, CACHED, path)
  return {
    promptTokens,
    completionTokens,
    cachedPromptTokens: Math.min(cachedPromptTokens, promptTokens),
    ...(reasoningTokens > 0 && { reasoningTokens: Math.min(reasoningTokens, completionTokens) }),
  }
}

function first(usage: Json, names: readonly string[], path: string): number {
  for (const name of names) {
    const count = countAt(usage[name], `${path}.${name}`)
    if (count !== undefined) return count
  }
  return 0
}

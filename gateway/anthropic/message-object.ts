import type { FinishReason, OpenAiUsage } from '../../protocol/index.ts'
import type { ContentBlock } from './blocks.ts'

/** What is known of a message from its beginning. */
export interface MessageHead {
  readonly id: string
  readonly model: string
}

/** Required by Anthropic's schema, for what only Anthropic itself has. */
export const NOT_OFFERED = { container: null, stop_details: null } as const

/** A message as Anthropic shows it. Without an end it has only begun. */
export function messageObject(
  { id, model }: MessageHead,
  content: readonly ContentBlock[],
  end: { readonly stopReason: string | null; readonly usage: object },
): object {
  return {
    id,
    type: 'message',
    role: 'assistant',
    model,
    content,
    stop_reason: end.stopReason,
    // Engines do not say which stop string they met, so that `end_turn` stands for it.
    stop_sequence: null,
    ...NOT_OFFERED,
    diagnostics: null,
    usage: end.usage,
  }
}

/** Some engines end with `stop` after a tool call. */
export function stopReasonOf(reason: FinishReason, content: readonly ContentBlock[]): string {
  switch (reason) {
    case 'stop':
      return content.some(({ type }) => type === 'tool_use') ? 'tool_use' : 'end_turn'
    case 'length':
      return 'max_tokens'
    case 'tool_calls':
      return 'tool_use'
    case 'content_filter':
      return 'refusal'
    default:
      return reason satisfies never
  }
}

/** {@link usageOf} in a message, which says more than the end of a stream. */
export function messageUsageOf(usage: OpenAiUsage): object {
  const notOffered = { cache_creation: null, inference_geo: null, speed: null }
  return { ...usageOf(usage), ...notOffered, service_tier: 'standard' }
}

/** Anthropic counts what was cached apart. */
export function usageOf({ prompt_tokens, completion_tokens, ...details }: OpenAiUsage): object {
  const cached = details.prompt_tokens_details?.cached_tokens ?? 0
  return {
    input_tokens: prompt_tokens - cached,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: cached,
    output_tokens: completion_tokens,
    output_tokens_details: null,
    server_tool_use: null,
  }
}

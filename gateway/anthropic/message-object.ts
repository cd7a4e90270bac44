import type { FinishReason, OpenAiUsage } from '../../protocol/index.ts'
import type { ContentBlock } from './blocks.ts'

/** Fields of a message known at its start. */
export interface MessageHead {
  readonly id: string
  readonly model: string
}

/** Required by Anthropic's schema, for features that only Anthropic has. */
export const NOT_OFFERED = { container: null, stop_details: null } as const

/** A message in Anthropic's form. Without an end it is still in progress. */
export function messageObject(
  { id, model }: MessageHead,
  content: readonly ContentBlock[],
  end: { readonly stop: MessageStop; readonly usage: object },
): object {
  return {
    id,
    type: 'message',
    role: 'assistant',
    model,
    content,
    ...end.stop,
    ...NOT_OFFERED,
    diagnostics: null,
    usage: end.usage,
  }
}

/** Why a message ended. Both are null while it is in progress. */
export interface MessageStop {
  readonly stop_reason: string | null
  readonly stop_sequence: string | null
}

/** @param met the stop sequence that ended the answer; engines that do not report it end with `end_turn` */
export function stopOf(
  reason: FinishReason,
  met: string | undefined,
  content: readonly ContentBlock[],
): MessageStop {
  if (reason === 'stop' && met !== undefined) {
    return { stop_reason: 'stop_sequence', stop_sequence: met }
  }
  return { stop_reason: stopReasonOf(reason, content), stop_sequence: null }
}

/** Some engines end with `stop` after a tool call. */
function stopReasonOf(reason: FinishReason, content: readonly ContentBlock[]): string {
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

/** {@link usageOf} in a message, which has more fields than the end of a stream. */
export function messageUsageOf(usage: OpenAiUsage): object {
  const notOffered = { cache_creation: null, inference_geo: null, speed: null }
  return { ...usageOf(usage), ...notOffered, service_tier: 'standard' }
}

/** Anthropic counts cached tokens separately. */
export function usageOf({ prompt_tokens, completion_tokens, ...details }: OpenAiUsage): object {
  const cached = details.prompt_tokens_details?.cached_tokens ?? 0
  const { completion_tokens_details: thought } = details
  return {
    input_tokens: prompt_tokens - cached,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: cached,
    output_tokens: completion_tokens,
    output_tokens_details:
      thought === undefined ? null : { thinking_tokens: thought.reasoning_tokens },
    server_tool_use: null,
  }
}

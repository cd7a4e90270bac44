import type { FinishReason, OpenAiUsage, TokenLogprob } from '../../protocol/index.ts'
import { skeinField, type VerificationSummary } from '../http/index.ts'
import type { ResponseFields, ResponseTool } from './request.ts'

/** Status of an item. */
export type ItemStatus = 'in_progress' | 'completed' | 'incomplete'

/** A part of a message. */
export type MessagePart =
  | {
      readonly type: 'output_text'
      readonly text: string
      readonly annotations: readonly never[]
      readonly logprobs: readonly TokenLogprob[]
    }
  | { readonly type: 'refusal'; readonly refusal: string }

/** Part of the model's reasoning. */
export interface ReasoningPart {
  readonly type: 'reasoning_text'
  readonly text: string
}

/** One item of an answer. */
export type OutputItem =
  | {
      readonly type: 'message'
      readonly id: string
      readonly status: ItemStatus
      readonly role: 'assistant'
      readonly content: readonly MessagePart[]
    }
  | {
      readonly type: 'reasoning'
      readonly id: string
      readonly status: ItemStatus
      readonly summary: readonly never[]
      readonly content: readonly ReasoningPart[]
    }
  | {
      readonly type: 'function_call'
      readonly id: string
      readonly status: ItemStatus
      readonly call_id: string
      readonly name: string
      readonly namespace?: string
      readonly arguments: string
    }
  | {
      readonly type: 'custom_tool_call'
      readonly id: string
      readonly status: ItemStatus
      readonly call_id: string
      readonly name: string
      readonly namespace?: string
      readonly input: string
    }

/** Fields of a response known at its start. */
export interface ResponseHead {
  readonly id: string
  /** Seconds since 1970. */
  readonly createdAt: number
  readonly request: ResponseFields
}

/** Progress of a response. */
export type ResponseState =
  | { readonly status: 'in_progress' }
  | {
      readonly status: 'ended'
      readonly finishReason: FinishReason
      readonly usage: OpenAiUsage
      /** Seconds since 1970. */
      readonly completedAt: number
      /** How the answer was checked, if the caller waited for that. */
      readonly verification: VerificationSummary | undefined
    }
  | {
      readonly status: 'failed'
      readonly error: { readonly code: string; readonly message: string }
      readonly verification: VerificationSummary | undefined
    }

/** Why an answer is incomplete. */
export function cutShort(reason: FinishReason): 'max_output_tokens' | 'content_filter' | undefined {
  if (reason === 'length') return 'max_output_tokens'
  return reason === 'content_filter' ? reason : undefined
}

/** A response in OpenAI's form, with the request's effective fields. */
export function responseObject(
  { id, createdAt, request }: ResponseHead,
  model: string,
  output: readonly OutputItem[],
  state: ResponseState,
): object {
  const reason = state.status === 'ended' ? cutShort(state.finishReason) : undefined
  const ended = reason === undefined ? 'completed' : 'incomplete'
  const { reasoning, text, tools } = request
  return {
    id,
    object: 'response',
    created_at: createdAt,
    status: state.status === 'ended' ? ended : state.status,
    completed_at: state.status === 'ended' ? state.completedAt : null,
    background: false,
    error: state.status === 'failed' ? state.error : null,
    incomplete_details: reason === undefined ? null : { reason },
    instructions: request.instructions ?? null,
    max_output_tokens: request.max_output_tokens ?? null,
    max_tool_calls: null,
    model,
    output,
    parallel_tool_calls: request.parallel_tool_calls ?? true,
    previous_response_id: null,
    prompt_cache_key: request.prompt_cache_key ?? null,
    reasoning: { effort: reasoning?.effort ?? null, summary: null },
    safety_identifier: request.safety_identifier ?? null,
    service_tier: 'default',
    store: false,
    // Absent fields are reported as OpenAI's defaults; the engine's may differ.
    temperature: request.temperature ?? 1,
    top_p: request.top_p ?? 1,
    presence_penalty: request.presence_penalty ?? 0,
    frequency_penalty: request.frequency_penalty ?? 0,
    text: { format: text?.format ?? { type: 'text' }, verbosity: text?.verbosity ?? 'medium' },
    tool_choice: request.tool_choice ?? 'auto',
    tools: (tools ?? []).map(shownTool),
    top_logprobs: request.top_logprobs ?? 0,
    truncation: 'disabled',
    usage: state.status === 'ended' ? usageOf(state.usage) : null,
    user: request.user ?? null,
    metadata: request.metadata ?? {},
    ...(state.status !== 'in_progress' && skeinField(state.verification)),
  }
}

function shownTool(tool: ResponseTool): object {
  if (tool.type !== 'function') return tool
  const { type, name, description, parameters, strict } = tool
  return {
    ...{ type, name, description: description ?? null },
    ...{ parameters: parameters ?? null, strict: strict ?? null },
  }
}

/** Reasoning tokens are 0 if the engine does not report them. */
function usageOf({
  prompt_tokens,
  completion_tokens,
  total_tokens,
  ...details
}: OpenAiUsage): object {
  return {
    input_tokens: prompt_tokens,
    input_tokens_details: {
      cached_tokens: details.prompt_tokens_details?.cached_tokens ?? 0,
      cache_write_tokens: 0,
    },
    output_tokens: completion_tokens,
    output_tokens_details: {
      reasoning_tokens: details.completion_tokens_details?.reasoning_tokens ?? 0,
    },
    total_tokens,
  }
}

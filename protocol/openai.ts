/** The JSON that travels inside frames: the part of OpenAI's schema that Skein reads. Other allowed fields ride along untouched. */

export interface TextPart {
  readonly type: 'text'
  readonly text: string
}

export interface ImagePart {
  readonly type: 'image_url'
  /** `data:` URLs only: a node fetches nothing for a stranger. */
  readonly image_url: { readonly url: string; readonly detail?: string }
}

export interface ToolCall {
  readonly id: string
  readonly type: 'function'
  readonly function: { readonly name: string; readonly arguments: string }
}

export interface ChatMessage {
  readonly role: 'system' | 'developer' | 'user' | 'assistant' | 'tool'
  readonly content?: string | readonly (TextPart | ImagePart)[] | null
  readonly name?: string
  readonly tool_calls?: readonly ToolCall[]
  readonly tool_call_id?: string
}

export interface ToolDefinition {
  readonly type: 'function'
  readonly function: {
    readonly name: string
    readonly description?: string
    readonly parameters?: Readonly<Record<string, unknown>>
    readonly strict?: boolean | null
  }
}

export type ToolChoice =
  | 'none'
  | 'auto'
  | 'required'
  | { readonly type: 'function'; readonly function: { readonly name: string } }

export type ResponseFormat =
  | { readonly type: 'text' }
  | { readonly type: 'json_object' }
  | {
      readonly type: 'json_schema'
      readonly json_schema: {
        readonly name: string
        readonly description?: string
        readonly schema?: Readonly<Record<string, unknown>>
        readonly strict?: boolean | null
      }
    }

/** Sampling fields shared by chat and completion. `null` counts as absent, as with OpenAI. */
export interface SamplingFields {
  readonly max_tokens?: number | null
  readonly temperature?: number | null
  readonly top_p?: number | null
  readonly stop?: string | readonly string[] | null
  readonly seed?: number | null
  readonly n?: number | null
  readonly presence_penalty?: number | null
  readonly frequency_penalty?: number | null
  readonly logit_bias?: Readonly<Record<string, number>> | null
  readonly top_k?: number | null
  readonly min_p?: number | null
  readonly repeat_penalty?: number | null
}

export interface ChatRequest extends SamplingFields {
  readonly model: string
  readonly messages: readonly ChatMessage[]
  readonly max_completion_tokens?: number | null
  readonly logprobs?: boolean | null
  readonly top_logprobs?: number | null
  readonly tools?: readonly ToolDefinition[] | null
  readonly tool_choice?: ToolChoice | null
  readonly parallel_tool_calls?: boolean | null
  readonly response_format?: ResponseFormat | null
  readonly reasoning_effort?: string | null
  readonly prompt_cache_key?: string | null
}

export interface CompletionRequest extends SamplingFields {
  readonly model: string
  /** One text, or one prompt as token ids. Lists of prompts are split by the client. */
  readonly prompt: string | readonly number[]
  readonly echo?: boolean | null
  readonly logprobs?: number | null
  readonly prompt_cache_key?: string | null
}

export interface EmbeddingRequest {
  readonly model: string
  readonly input: string | readonly string[]
  readonly dimensions?: number | null
}

export type FinishReason = 'stop' | 'length' | 'tool_calls' | 'content_filter'

export interface TokenLogprob {
  readonly token: string
  readonly logprob: number
  readonly bytes: readonly number[] | null
  readonly top_logprobs: readonly {
    readonly token: string
    readonly logprob: number
    readonly bytes: readonly number[] | null
  }[]
}

export interface ToolCallDelta {
  readonly index: number
  readonly id?: string
  readonly type?: 'function'
  readonly function?: { readonly name?: string; readonly arguments?: string }
}

export interface ChatDelta {
  readonly role?: 'assistant'
  readonly content?: string | null
  readonly reasoning_content?: string | null
  readonly refusal?: string | null
  readonly tool_calls?: readonly ToolCallDelta[]
}

export interface ChatChunkChoice {
  readonly index: number
  readonly delta: ChatDelta
  readonly finish_reason: FinishReason | null
  readonly logprobs?: { readonly content: readonly TokenLogprob[] | null } | null
}

export interface OpenAiUsage {
  readonly prompt_tokens: number
  readonly completion_tokens: number
  readonly total_tokens: number
  readonly prompt_tokens_details?: { readonly cached_tokens: number }
}

export interface ChatChunk {
  readonly id: string
  readonly object: 'chat.completion.chunk'
  readonly created: number
  readonly model: string
  readonly choices: readonly ChatChunkChoice[]
  readonly usage?: OpenAiUsage | null
}

export interface CompletionLogprobs {
  readonly tokens: readonly string[]
  readonly token_logprobs: readonly number[]
  readonly top_logprobs: readonly Readonly<Record<string, number>>[] | null
  readonly text_offset: readonly number[]
}

export interface CompletionChunk {
  readonly id: string
  readonly object: 'text_completion'
  readonly created: number
  readonly model: string
  readonly choices: readonly {
    readonly index: number
    readonly text: string
    readonly finish_reason: FinishReason | null
    readonly logprobs?: CompletionLogprobs | null
  }[]
  readonly usage?: OpenAiUsage | null
}

export interface EmbeddingItem {
  readonly object: 'embedding'
  readonly index: number
  readonly embedding: readonly number[]
}

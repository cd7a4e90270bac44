/** The JSON that travels inside frames: the part of OpenAI's schema that Skein reads. Other allowed fields are passed through. */

/** A text part of a message. */
export interface TextPart {
  readonly type: 'text'
  readonly text: string
}

/** An image part of a message; requires the capability `vision`. */
export interface ImagePart {
  readonly type: 'image_url'
  /** `data:` URLs only: a node fetches no URLs on behalf of other peers. */
  readonly image_url: { readonly url: string; readonly detail?: string }
}

/** A tool call that the model made, complete: its arguments are JSON as the model wrote it, valid or not. */
export interface ToolCall {
  readonly id: string
  readonly type: 'function'
  readonly function: { readonly name: string; readonly arguments: string }
}

/** One message of a conversation. Control tokens in its text have no effect. */
export interface ChatMessage {
  readonly role: 'system' | 'developer' | 'user' | 'assistant' | 'tool'
  readonly content?: string | readonly (TextPart | ImagePart)[] | null
  readonly name?: string
  readonly tool_calls?: readonly ToolCall[]
  readonly tool_call_id?: string
  /** The assistant's thoughts before the message. Models that think need those of a turn's earlier calls. */
  readonly reasoning_content?: string
}

/** A function that the model may call, its parameters given as a JSON schema. */
export interface ToolDefinition {
  readonly type: 'function'
  readonly function: {
    readonly name: string
    readonly description?: string
    readonly parameters?: Readonly<Record<string, unknown>>
    readonly strict?: boolean | null
  }
}

/** Whether the model may, must or must not call a tool, or which one it has to call. */
export type ToolChoice =
  | 'none'
  | 'auto'
  | 'required'
  | { readonly type: 'function'; readonly function: { readonly name: string } }

/** Format of the answer; anything but `text` requires the capability `json_schema`. */
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
  readonly verbosity?: string | null
  readonly prompt_cache_key?: string | null
}

export interface CompletionRequest extends SamplingFields {
  readonly model: string
  /** One text, or one prompt as token ids. Lists of prompts are split by the client. */
  readonly prompt: Prompt
  readonly echo?: boolean | null
  readonly logprobs?: number | null
  readonly prompt_cache_key?: string | null
}

/** A text, or its token ids. */
export type Prompt = string | readonly number[]

/** A completion of one prompt, or of each of a list, which the client splits into single requests. */
export interface PromptListRequest extends Omit<CompletionRequest, 'prompt'> {
  readonly prompt: Prompt | readonly Prompt[]
}

/** A request for the embeddings of one text or token list, or of up to 2,048 of one of the two. */
export interface EmbeddingRequest {
  readonly model: string
  readonly input: Prompt | readonly Prompt[]
  readonly dimensions?: number | null
}

/** Why an answer ended: by itself or at a stop string, at its length limit, with tool calls, or by a content filter. */
export type FinishReason = 'stop' | 'length' | 'tool_calls' | 'content_filter'

/** A token of a chat answer with its natural log probability, and those of the most likely alternatives. */
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

/** Part of a tool call: id and name come once, the arguments in parts to be joined, by `index`. */
export interface ToolCallDelta {
  readonly index: number
  readonly id?: string
  readonly type?: 'function'
  readonly function?: { readonly name?: string; readonly arguments?: string }
}

/** What a chunk adds to one answer of a chat. */
export interface ChatDelta {
  readonly role?: 'assistant'
  readonly content?: string | null
  readonly reasoning_content?: string | null
  readonly refusal?: string | null
  readonly tool_calls?: readonly ToolCallDelta[]
}

/** The part of a chunk that belongs to the answer number `index`; the last one has the finish reason. */
export interface ChatChunkChoice {
  readonly index: number
  readonly delta: ChatDelta
  readonly finish_reason: FinishReason | null
  /** With the finish reason `stop`: the stop string that matched, if the engine reports it. */
  readonly stop_reason?: string | null
  readonly logprobs?: { readonly content: readonly TokenLogprob[] | null } | null
}

/** Tokens of a request, under OpenAI's names. */
export interface OpenAiUsage {
  readonly prompt_tokens: number
  readonly completion_tokens: number
  readonly total_tokens: number
  readonly prompt_tokens_details?: { readonly cached_tokens: number }
  /** Absent if the engine does not count reasoning tokens. */
  readonly completion_tokens_details?: { readonly reasoning_tokens: number }
}

/** A chunk of a streamed chat, as OpenAI defines it. */
export interface ChatChunk {
  readonly id: string
  readonly object: 'chat.completion.chunk'
  readonly created: number
  readonly model: string
  readonly choices: readonly ChatChunkChoice[]
  readonly usage?: OpenAiUsage | null
}

/** Tokens of a completion with their natural log probabilities, one entry for each token in every list. */
export interface CompletionLogprobs {
  readonly tokens: readonly string[]
  readonly token_logprobs: readonly number[]
  readonly top_logprobs: readonly Readonly<Record<string, number>>[] | null
  readonly text_offset: readonly number[]
}

/** A chunk of a streamed text completion, as OpenAI defines it. */
export interface CompletionChunk {
  readonly id: string
  readonly object: 'text_completion'
  readonly created: number
  readonly model: string
  readonly choices: readonly {
    readonly index: number
    readonly text: string
    readonly finish_reason: FinishReason | null
    /** As in a chat. */
    readonly stop_reason?: string | null
    readonly logprobs?: CompletionLogprobs | null
  }[]
  readonly usage?: OpenAiUsage | null
}

/** The embedding of the input number `index`. */
export interface EmbeddingItem {
  readonly object: 'embedding'
  readonly index: number
  readonly embedding: readonly number[]
}

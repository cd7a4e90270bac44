import type { SampledFields } from '../answering/index.ts'

export interface TextBlock {
  readonly type: 'text'
  readonly text: string
}

export interface ImageBlock {
  readonly type: 'image'
  readonly source: { readonly type: 'base64'; readonly media_type: string; readonly data: string }
}

export interface ToolUseBlock {
  readonly type: 'tool_use'
  readonly id: string
  readonly name: string
  readonly input: Readonly<Record<string, unknown>>
}

export interface ToolResultBlock {
  readonly type: 'tool_result'
  readonly tool_use_id: string
  readonly content?: string | readonly (TextBlock | ImageBlock)[] | undefined
  readonly is_error?: boolean | undefined
}

/** Not read. */
export interface ThinkingBlock {
  readonly type: 'thinking' | 'redacted_thinking'
}

/** Part of a message. */
export type Block = TextBlock | ImageBlock | ToolUseBlock | ToolResultBlock | ThinkingBlock

/** One message of a conversation. */
export interface Message {
  readonly role: 'user' | 'assistant' | 'system'
  readonly content: string | readonly Block[]
}

/** A function that the model may call. */
export interface Tool {
  readonly name: string
  readonly description?: string | undefined
  readonly input_schema: Readonly<Record<string, unknown>>
  readonly strict?: boolean | undefined
}

interface Parallel {
  readonly disable_parallel_tool_use?: boolean | undefined
}

/** Whether the model may, must or must not call a tool, or which one it has to call. */
export type MessageToolChoice =
  | ({ readonly type: 'auto' | 'any' } & Parallel)
  | ({ readonly type: 'tool'; readonly name: string } & Parallel)
  | { readonly type: 'none' }

/** How much a model is to think. */
export type Thinking =
  | { readonly type: 'disabled' | 'adaptive' }
  | { readonly type: 'enabled'; readonly budget_tokens: number }

/** The part of a request that a model reads. */
export interface PromptFields {
  readonly model: string
  readonly models?: readonly string[] | null | undefined
  readonly messages: readonly Message[]
  readonly system?: string | readonly TextBlock[] | undefined
  readonly tools?: readonly Tool[] | undefined
  readonly tool_choice?: MessageToolChoice | undefined
  readonly thinking?: Thinking | undefined
  readonly output_config?:
    | {
        readonly effort?: string | null | undefined
        readonly format?: { readonly schema: Readonly<Record<string, unknown>> } | null | undefined
        readonly task_budget?: object | null | undefined
      }
    | undefined
  readonly context_management?:
    | { readonly edits?: readonly { readonly type: string }[] | undefined }
    | null
    | undefined
}

/** A validated Messages API request: the fields that are read. */
export interface MessageFields extends PromptFields, SampledFields {
  readonly models?: readonly string[] | null | undefined
  readonly max_tokens: number
  readonly stop_sequences?: readonly string[] | undefined
  readonly stream?: boolean | undefined
}

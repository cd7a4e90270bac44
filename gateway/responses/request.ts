import type { SampledFields } from '../answering/index.ts'

/** Part of a message. */
export type ItemPart =
  | { readonly type: 'input_text' | 'output_text'; readonly text: string }
  | { readonly type: 'refusal'; readonly refusal: string }
  | {
      readonly type: 'input_image'
      /** A `data:` URL. */
      readonly image_url: string
      readonly detail?: string | null | undefined
    }

/** The text and images of an item. */
export type ItemContent = string | readonly ItemPart[]

/** A hosted tool's call at another provider. Not read. */
export type HostedItemType =
  | 'web_search_call'
  | 'file_search_call'
  | 'image_generation_call'
  | 'tool_search_call'
  | 'tool_search_output'

/** One item of the conversation so far. */
export type InputItem =
  | {
      readonly type: 'message'
      readonly role: 'user' | 'assistant' | 'system' | 'developer'
      readonly content: ItemContent
    }
  | {
      readonly type: 'function_call'
      readonly call_id: string
      readonly name: string
      readonly namespace?: string | null | undefined
      readonly arguments: string
    }
  | {
      readonly type: 'custom_tool_call'
      readonly call_id: string
      readonly name: string
      readonly namespace?: string | null | undefined
      readonly input: string
    }
  | {
      readonly type: 'function_call_output' | 'custom_tool_call_output'
      readonly call_id: string
      readonly output: ItemContent
    }
  | { readonly type: 'reasoning' | HostedItemType }

/** A function that the model may call. */
export interface FunctionTool {
  readonly type: 'function'
  readonly name: string
  readonly description?: string | null | undefined
  readonly parameters?: Readonly<Record<string, unknown>> | null | undefined
  readonly strict?: boolean | null | undefined
}

/** A tool whose input is a text. */
export interface CustomTool {
  readonly type: 'custom'
  readonly name: string
  readonly description?: string | null | undefined
  readonly format?:
    | { readonly type: 'text' }
    | { readonly type: 'grammar'; readonly syntax: string; readonly definition: string }
    | null
    | undefined
}

/** A tool that the caller's own code carries out. */
export type CallableTool = FunctionTool | CustomTool

/** A group of tools whose names are unique within it. */
export interface NamespaceTool {
  readonly type: 'namespace'
  readonly name: string
  readonly description?: string | null | undefined
  readonly tools: readonly CallableTool[]
}

/** A tool that the model may call. */
export type ResponseTool = CallableTool | NamespaceTool

/** Whether the model may, must or must not call a tool, which one it has to, or which it may. */
export type ResponseToolChoice =
  | 'none'
  | 'auto'
  | 'required'
  | { readonly type: 'function' | 'custom'; readonly name: string }
  | {
      readonly type: 'allowed_tools'
      readonly mode: 'auto' | 'required'
      readonly tools: readonly { readonly name: string }[]
    }

/** The form of the answer. */
export type TextFormat =
  | { readonly type: 'text' }
  | { readonly type: 'json_object' }
  | {
      readonly type: 'json_schema'
      readonly name: string
      readonly schema: Readonly<Record<string, unknown>>
      readonly description?: string | null | undefined
      readonly strict?: boolean | null | undefined
    }

/** A validated Responses API request: the fields that are read. */
export interface ResponseFields extends SampledFields {
  readonly input: string | readonly InputItem[]
  readonly instructions?: string | null | undefined
  readonly tools?: readonly ResponseTool[] | null | undefined
  readonly tool_choice?: ResponseToolChoice | null | undefined
  readonly parallel_tool_calls?: boolean | null | undefined
  readonly text?:
    | {
        readonly format?: TextFormat | null | undefined
        readonly verbosity?: string | null | undefined
      }
    | null
    | undefined
  readonly reasoning?: { readonly effort?: string | null | undefined } | null | undefined
  readonly max_output_tokens?: number | null | undefined
  readonly top_logprobs?: number | null | undefined
  readonly include?: readonly string[] | null | undefined
  readonly prompt_cache_key?: string | null | undefined
  readonly stop?: string | readonly string[] | null | undefined
  readonly stream?: boolean | null | undefined
  readonly metadata?: Readonly<Record<string, string>> | null | undefined
  readonly user?: string | null | undefined
  readonly safety_identifier?: string | null | undefined
}

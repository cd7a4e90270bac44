import type { OptionFields } from './options.ts'

/** One message of a conversation. Images are base64. */
export interface Message {
  readonly role: 'system' | 'user' | 'assistant' | 'tool'
  readonly content?: string | null | undefined
  readonly images?: readonly string[] | null | undefined
  readonly tool_calls?:
    | readonly {
        readonly id?: string | undefined
        readonly function: {
          readonly name: string
          readonly arguments: Readonly<Record<string, unknown>>
        }
      }[]
    | null
    | undefined
  readonly tool_name?: string | undefined
  readonly tool_call_id?: string | undefined
  readonly name?: string | undefined
}

/** A function that the model may call. */
export interface Tool {
  readonly function: {
    readonly name: string
    readonly description?: string | null | undefined
    readonly parameters?: Readonly<Record<string, unknown>> | null | undefined
    readonly strict?: boolean | null | undefined
  }
}

interface CommonFields {
  readonly model: string
  readonly models?: readonly string[] | null | undefined
  readonly options?: OptionFields | null | undefined
  readonly keep_alive?: unknown
}

/** Fields shared by chats and prompts: those that are read. */
export interface AnswerFields extends CommonFields {
  /** @default true */
  readonly stream?: boolean | null | undefined
  /** `json`, or a schema. */
  readonly format?: string | Readonly<Record<string, unknown>> | null | undefined
  readonly think?: boolean | string | null | undefined
  readonly logprobs?: boolean | null | undefined
  readonly top_logprobs?: number | null | undefined
}

/** The body of `POST /api/chat`. */
export interface ChatFields extends AnswerFields {
  readonly messages?: readonly Message[] | null | undefined
  readonly tools?: readonly Tool[] | null | undefined
}

/** The body of `POST /api/generate`. */
export interface GenerateFields extends AnswerFields {
  readonly prompt?: string | null | undefined
  readonly system?: string | null | undefined
  readonly images?: readonly string[] | null | undefined
  /** The prompt is in the model's template already. */
  readonly raw?: boolean | null | undefined
}

/** The body of `POST /api/embed`. */
export interface EmbedFields extends CommonFields {
  readonly input: string | readonly string[]
  readonly dimensions?: number | null | undefined
}

/** The body of `POST /api/embeddings`. */
export interface EmbeddingsFields extends CommonFields {
  readonly prompt: string
}

/** The body of `POST /api/pull`; older clients say `name`. */
export interface PullFields {
  readonly model?: string | undefined
  readonly name?: string | undefined
  /** @default true */
  readonly stream?: boolean | undefined
}

/** The body of `POST /api/show`; older clients say `name`. */
export interface ShowFields {
  readonly model?: string | undefined
  readonly name?: string | undefined
}

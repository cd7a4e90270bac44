import type {
  AttemptRecord,
  CompletionLogprobs,
  EmbeddingItem,
  FinishReason,
  OpenAiUsage,
  TokenLogprob,
  ToolCall,
} from '../../protocol/index.ts'
import type { RequestEvent, Verification } from '../request/index.ts'

/** Added to each chunk of a stream. */
export interface ServedChunk {
  readonly skein: {
    /** The peer that served the chunk. */
    readonly peerId: string
    /** Its swarm. Absent if the client is in one only, and for providers. */
    readonly swarm?: string
    /** On the last chunk, if the request waits for a verdict. */
    readonly verification?: Verification
  }
}

/** Added to a whole answer: which peer gave it, how, and at what cost. */
export interface ServedBy {
  readonly skein: {
    /** The peer that ended the answer. */
    readonly peerId: string
    readonly attempts: readonly AttemptRecord[]
  } & Pick<
    RequestEvent,
    'agreement' | 'cost' | 'exact' | 'policy' | 'resumes' | 'swarm' | 'verification'
  >
}

/** One of the `n` choices of a chat. */
export interface ChatChoice {
  readonly index: number
  readonly message: {
    readonly role: 'assistant'
    readonly content: string | null
    readonly refusal: string | null
    readonly reasoning_content?: string
    readonly tool_calls?: readonly ToolCall[]
  }
  readonly finish_reason: FinishReason
  /** With `stop`: the stop string that matched, if the engine reports it. */
  readonly stop_reason?: string
  readonly logprobs: { readonly content: readonly TokenLogprob[] | null } | null
}

/** OpenAI's chat completion. */
export interface ChatCompletion extends ServedBy {
  readonly id: string
  readonly object: 'chat.completion'
  /** Seconds since 1970. */
  readonly created: number
  readonly model: string
  readonly choices: readonly ChatChoice[]
  readonly usage: OpenAiUsage
}

/** One of the `n` completions of a prompt. */
export interface CompletionChoice {
  readonly index: number
  readonly text: string
  readonly finish_reason: FinishReason
  readonly logprobs: CompletionLogprobs | null
}

/** OpenAI's text completion. */
export interface Completion extends ServedBy {
  readonly id: string
  readonly object: 'text_completion'
  /** Seconds since 1970. */
  readonly created: number
  readonly model: string
  readonly choices: readonly CompletionChoice[]
  readonly usage: OpenAiUsage
}

/** OpenAI's list of embeddings, in the order of the inputs. */
export interface EmbeddingResponse extends ServedBy {
  readonly object: 'list'
  readonly data: readonly EmbeddingItem[]
  readonly model: string
  readonly usage: { readonly prompt_tokens: number; readonly total_tokens: number }
}

import type { InferenceError } from './errors.ts'
import type { Progress } from './progress.ts'
import type { TraceContext } from './trace-context.ts'

/** Kind of request. `score` rates an existing answer. */
export type InferenceKind = 'chat' | 'completion' | 'embedding' | 'score'

/** The point to resume an answer from: what the caller has, and what the engine had generated. */
export interface Resume {
  /** Every completion token so far. Empty if the engine reports none. May be ahead of `text`: stop strings and split UTF-8 are held back. */
  readonly tokenIds: readonly number[]
  /** Every character the caller has. */
  readonly text: string
  /** UTF-8 bytes the caller has. */
  readonly deliveredBytes: number
  /** Every character of reasoning that the caller has. @default none */
  readonly reasoning?: string
  /** Completion tokens so far, for engines that count only their own. @default the number of `tokenIds` */
  readonly tokens?: number
}

/** First frame of an attempt: everything a node needs to refuse it before the body takes memory. */
export interface Head {
  /** 16 random bytes, fresh for each attempt: so that peers cannot link attempts of one request. */
  readonly attemptId: Uint8Array
  /** Time the client still waits, in milliseconds. A duration, because clocks differ. */
  readonly remainingMs: number
  readonly kind: InferenceKind
  /** Model id, or `id@sha256:…` to pin a digest. */
  readonly model: string
  /** Sum of all `Body` frames. */
  readonly bodyBytes: number
  readonly resume?: Resume
  /** Only within a private swarm, or one with members. */
  readonly trace?: TraceContext
}

/** Tokens of a request, as counted by the engine. */
export interface Usage {
  readonly promptTokens: number
  readonly completionTokens: number
  /** Prompt tokens found in the engine's cache. */
  readonly cachedPromptTokens: number
  /** Completion tokens spent on reasoning. Absent if the engine does not count them. */
  readonly reasoningTokens?: number
}

/** Time spent at the node, by phase, in milliseconds. */
export interface Timings {
  readonly queueMs: number
  readonly prefillMs: number
  readonly decodeMs: number
}

/** Whether a node accepts work: not yet, at once, no longer, or only into its queue. */
export type NodeState = 'loading' | 'ready' | 'draining' | 'saturated'

/** A snapshot of a node's load. Outdated within seconds. */
export interface Load {
  readonly state: NodeState
  readonly inFlight: number
  readonly slots: number
  readonly queueDepth: number
  /** Predicted time to the first token of a short prompt. */
  readonly expectedTtftMs: number
}

/** Client frames: one head, then body frames, then half-close. */
export type ClientFrame =
  | ({ readonly type: 'head' } & Head)
  | { readonly type: 'body'; readonly data: Uint8Array }

/** The node accepted the request, which may still be queued. */
export interface Accepted {
  readonly queuePosition: number
  readonly expectedTtftMs: number
  /** Digest of the weights that will answer; empty if the node cannot read them. */
  readonly digest: string
}

/** Part of the answer. */
export interface Chunk {
  /** 0, 1, 2 … without gaps. */
  readonly seq: number
  /** One complete OpenAI chunk (chat, completion) or embedding item, UTF-8 JSON. */
  readonly json: Uint8Array
  /** Ids of the tokens that this chunk adds, if the engine reports them. */
  readonly tokenIds: readonly number[]
  /** Natural logarithms, one for each token id, or empty. */
  readonly logprobs: readonly number[]
}

/** The terminal frame of a complete answer. */
export interface Done {
  readonly usage: Usage
  readonly timings: Timings
  readonly load: Load
  /** A resumed answer: its engine continued a final assistant message, and not raw text or token ids. Absent from nodes before 0.2. */
  readonly asMessage?: true
}

/** Node frames. `done` and `failed` are terminal; a stream that ends without one has failed. */
export type NodeFrame =
  | ({ readonly type: 'accepted' } & Accepted)
  | {
      readonly type: 'keepAlive' /** Absent from nodes before 0.2. */
      readonly progress?: Progress
    }
  | ({ readonly type: 'chunk' } & Chunk)
  | ({ readonly type: 'done' } & Done)
  | { readonly type: 'failed'; readonly error: InferenceError; readonly load?: Load }

import type { InferenceError } from './errors.ts'
import type { Progress } from './progress.ts'

/** What is asked for. `score` rates an answer that exists already. */
export type InferenceKind = 'chat' | 'completion' | 'embedding' | 'score'

/** Where an interrupted answer goes on: exactly what the caller has, and what the engine had generated for it. */
export interface Resume {
  /** Every completion token so far. Empty where the engine gave none. May be ahead of `text`: stop strings and split UTF-8 are held back. */
  readonly tokenIds: readonly number[]
  /** Every character the caller has. */
  readonly text: string
  /** UTF-8 bytes the caller has. */
  readonly deliveredBytes: number
}

/** The first frame of an attempt: everything by which a node can refuse before the body takes memory. */
export interface Head {
  /** 16 random bytes, fresh for each attempt: a peer must not see which attempts belong together. */
  readonly attemptId: Uint8Array
  /** Time the client still waits, in milliseconds. A duration, because clocks differ. */
  readonly remainingMs: number
  readonly kind: InferenceKind
  /** Model id, or `id@sha256:…` to pin a digest. */
  readonly model: string
  /** Sum of all `Body` frames. */
  readonly bodyBytes: number
  readonly resume?: Resume
}

/** Tokens that a request took, as the engine counts them. */
export interface Usage {
  readonly promptTokens: number
  readonly completionTokens: number
  /** Prompt tokens that were in the engine's cache already. */
  readonly cachedPromptTokens: number
  /** Completion tokens that were thought. Absent where the engine does not count them. */
  readonly reasoningTokens?: number
}

/** Where the time of an answer went at the node, in milliseconds. */
export interface Timings {
  readonly queueMs: number
  readonly prefillMs: number
  readonly decodeMs: number
}

/** Whether a node takes work: not yet, at once, no more, or only into its queue. */
export type NodeState = 'loading' | 'ready' | 'draining' | 'saturated'

/** A node's load at one moment. Minutes later it means nothing. */
export interface Load {
  readonly state: NodeState
  readonly inFlight: number
  readonly slots: number
  readonly queueDepth: number
  /** Time to the first token that the node predicts for a short prompt. */
  readonly expectedTtftMs: number
}

/** What a client sends: one head, then the body in pieces, then the end of its half of the stream. */
export type ClientFrame =
  | ({ readonly type: 'head' } & Head)
  | { readonly type: 'body'; readonly data: Uint8Array }

/** The node took the request, which may still wait in its queue. */
export interface Accepted {
  readonly queuePosition: number
  readonly expectedTtftMs: number
  /** Digest of the weights that will answer; empty where the node cannot read them. */
  readonly digest: string
}

/** A piece of the answer. */
export interface Chunk {
  /** 0, 1, 2 … without gaps. */
  readonly seq: number
  /** One complete OpenAI chunk (chat, completion) or embedding item, UTF-8 JSON. */
  readonly json: Uint8Array
  /** Ids of the tokens that this chunk adds, where the engine gives them. */
  readonly tokenIds: readonly number[]
  /** Natural logarithms, one for each token id, or empty. */
  readonly logprobs: readonly number[]
}

/** The terminal frame of a complete answer. */
export interface Done {
  readonly usage: Usage
  readonly timings: Timings
  readonly load: Load
}

/** What a node sends. `done` and `failed` are terminal; a stream that ends without one has failed. */
export type NodeFrame =
  | ({ readonly type: 'accepted' } & Accepted)
  | {
      readonly type: 'keepAlive' /** Absent from nodes before 0.2. */
      readonly progress?: Progress
    }
  | ({ readonly type: 'chunk' } & Chunk)
  | ({ readonly type: 'done' } & Done)
  | { readonly type: 'failed'; readonly error: InferenceError; readonly load?: Load }

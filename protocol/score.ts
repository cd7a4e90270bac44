import type { ChatRequest, CompletionRequest } from './openai.ts'

/** Asks an engine to rate an answer that another one wrote: how likely it finds each token of it. */
export interface ScoreRequest {
  readonly model: string
  /** What was asked, as it was asked: the scoring engine applies its own template to it. */
  readonly request:
    | { readonly kind: 'chat'; readonly body: ChatRequest }
    | { readonly kind: 'completion'; readonly body: CompletionRequest }
  /** Token ids of the answer, from its first on. Ids that are none are refused by this name: `details.param`. */
  readonly completion: readonly number[]
  /** Which of them are to be rated, ascending. @default all */
  readonly positions?: readonly number[] | null
  /** Likeliest tokens to be told at each position, 1 to 20. @default 1 */
  readonly top_logprobs?: number | null
}

/** A token and its natural log probability before any sampling filter, at temperature 1. */
export interface ScoredToken {
  readonly id: number
  readonly logprob: number
}

/** One rated token. */
export interface PositionScore {
  /** Of the answer's tokens, from 0. */
  readonly position: number
  readonly id: number
  /** `null` where the engine does not tell so unlikely a token. */
  readonly logprob: number | null
  /** The likeliest, first to last. */
  readonly top: readonly ScoredToken[]
}

/** Whether the answer would end after its last id. */
export interface EndScore {
  /** Of all tokens that end an answer, together. `null` where the engine does not tell so unlikely ones. */
  readonly logprob: number | null
  /** The likeliest tokens that do not end it, first to last. */
  readonly top: readonly ScoredToken[]
}

/** The answer to a request to score, in one piece. */
export interface ScoreResponse {
  readonly object: 'score'
  readonly scores: readonly PositionScore[]
  /**
   * What all ids of `completion` spell together, whichever of them were to be rated: as the engine shows an answer of
   * its own, so without control tokens (`<|im_end|>` and the like) where it knows them, and with whatever a stop string would
   * cut off. Bytes
   * of an unfinished character are U+FFFD or left out; white space may differ. At most 131,072 UTF-16 code units: a
   * longer text is left out. Absent, too, from nodes of before.
   */
  readonly text?: string | undefined
  /** Absent where the last id ends the answer itself, is not rated, or fills the context; and from nodes of before. */
  readonly end?: EndScore | undefined
}

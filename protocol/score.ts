import type { ChatRequest, CompletionRequest } from './openai.ts'

/** Asks an engine to rate another engine's answer: the log probability of each token. */
export interface ScoreRequest {
  readonly model: string
  /** The original request: the scoring engine applies its own template to it. */
  readonly request:
    | { readonly kind: 'chat'; readonly body: ChatRequest }
    | { readonly kind: 'completion'; readonly body: CompletionRequest }
  /** Token ids of the answer, from its first on. Ids outside the vocabulary are rejected with this name in `details.param`. */
  readonly completion: readonly number[]
  /** Positions to rate, ascending. @default all */
  readonly positions?: readonly number[] | null
  /** Most likely tokens to return per position, 1 to 20. @default 1 */
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
  /** `null` if the engine does not report so unlikely a token. */
  readonly logprob: number | null
  /** Most likely tokens, in order. */
  readonly top: readonly ScoredToken[]
}

/** Whether the answer would end after its last id. */
export interface EndScore {
  /** Of all tokens that end an answer, together. `null` if the engine does not report so unlikely ones. */
  readonly logprob: number | null
  /** Most likely tokens that do not end it, in order. */
  readonly top: readonly ScoredToken[]
}

/** The answer to a request to score, in one piece. */
export interface ScoreResponse {
  readonly object: 'score'
  readonly scores: readonly PositionScore[]
  /**
   * Decoded text of all ids of `completion`, whichever of them were rated: as the engine shows an answer of
   * its own, so without control tokens (`<|im_end|>` and the like) where it knows them, and with text that a stop string would cut
   * off. Bytes of an unfinished character are U+FFFD or left out; white space may differ. At most 131,072 UTF-16 code units: a
   * longer text is left out. Older nodes omit it.
   */
  readonly text?: string | undefined
  /** Absent if the last id ends the answer itself, is not rated, or fills the context. Older nodes omit it. */
  readonly end?: EndScore | undefined
}

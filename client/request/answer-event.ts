import type { Timings, Usage } from '../../protocol/index.ts'
import type { AnswerChunk } from './answer-chunk.ts'
import type { Candidate } from './candidate.ts'
export type DispatchEvent =
  | {
      readonly type: 'chunk'
      /** Who served this piece. */
      readonly peerId: string
      readonly chunk: AnswerChunk
      /** Absent where a provider of the caller's own served it. */
      readonly candidate?: Candidate
      /** Of the tokens that the piece adds, where the engine tells them. */
      readonly tokenIds?: readonly number[]
      /** ln p of each of them, where the peer tells it. */
      readonly logprobs?: readonly number[]
      /** It was written after the text so far, whose tokens its engine may have read as others. @default false */
      readonly afterText?: boolean
    }
  /** What came so far is void; only where the job is restartable. */
  | { readonly type: 'restart' }
  | {
      readonly type: 'done'
      /** Who served the last piece. */
      readonly peerId: string
      readonly usage: Usage
      readonly timings: Timings
      /** What the peer that ended it said of its part. Absent where the client ended it, or a provider did. */
      readonly told?: Told
    }

/** A peer's word on the part of an answer that it wrote. */
export interface Told {
  readonly candidate: Candidate
  readonly usage: Usage
  /** Of the weights; empty where it cannot read them. */
  readonly digest: string
  /** Tokens of the answer that others wrote. */
  readonly tokensBefore: number
  /** From the attempt's beginning to its end, by our clock. */
  readonly elapsedMs: number
}

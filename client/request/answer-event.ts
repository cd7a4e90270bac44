import type { Timings, Usage } from '../../protocol/index.ts'
import type { AnswerChunk } from './answer-chunk.ts'
import type { Candidate } from './candidate.ts'
import type { Verification } from './verification.ts'

/** What becomes known of an answer while it is read, in order. It ends with `done`, or its stream throws. */
export type AnswerEvent =
  /** The model whose answer follows, as answers name it. Comes again where another model takes over. */
  | { readonly type: 'model'; readonly model: string }
  | {
      readonly type: 'chunk'
      /** The peer that served this piece. */
      readonly peerId: string
      readonly chunk: AnswerChunk
      /** Absent where a provider of the caller's own served it. */
      readonly candidate?: Candidate
      /** Of the tokens that the piece adds, where the engine reports them. */
      readonly tokenIds?: readonly number[]
      /** ln p of each of them, where the peer reports it. */
      readonly logprobs?: readonly number[]
      /** Written after the text so far, which its engine may have tokenized differently. @default false */
      readonly afterText?: boolean
    }
  /** What came so far is void; only where the job is restartable. */
  | { readonly type: 'restart' }
  /** The verdict on the whole answer. Only where the request waits for one; `done` follows. */
  | { readonly type: 'verified'; readonly verification: Verification }
  | {
      readonly type: 'done'
      /** The peer that served the last piece. */
      readonly peerId: string
      readonly usage: Usage
      readonly timings: Timings
      /** By the peer that ended the answer. Absent where the client ended it, or a provider did. */
      readonly report?: PeerReport
    }

/** What a peer reported at the end of the part of an answer that it wrote. */
export interface PeerReport {
  readonly candidate: Candidate
  readonly usage: Usage
  /** Of the weights; empty where the peer cannot read it. */
  readonly digest: string
  /** Tokens of the answer that other peers wrote. */
  readonly tokensBefore: number
  /** From the attempt's beginning to its end, by our clock. */
  readonly elapsedMs: number
}

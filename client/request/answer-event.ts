import type { Timings, Usage } from '../../protocol/index.ts'
import type { AnswerChunk } from './answer-chunk.ts'
import type { Candidate } from './candidate.ts'
import type { Verification } from './verification.ts'

/** The events of an answer, in order. The last one is `done`, or the stream throws. */
export type AnswerEvent =
  /** The model whose answer follows, as shown in the answer. Sent again if another model takes over. */
  | {
      readonly type: 'model'
      readonly model: string
      /** Its swarm. Absent if the client is in one only, and for providers. */
      readonly swarm?: string
    }
  | {
      readonly type: 'chunk'
      /** The peer that served this chunk. */
      readonly peerId: string
      readonly chunk: AnswerChunk
      /** Absent if one of the caller's own providers served it. */
      readonly candidate?: Candidate
      /** Ids of the tokens that this chunk adds, if the engine reports them. */
      readonly tokenIds?: readonly number[]
      /** ln p of each of these tokens, if the peer reports it. */
      readonly logprobs?: readonly number[]
      /** Continued from the text so far, which the engine may have tokenized differently. @default false */
      readonly afterText?: boolean
    }
  /** The answer has begun with a part that is held back. May come several times. */
  | { readonly type: 'writing' }
  /** Discard everything received so far. Only if the job is restartable. */
  | { readonly type: 'restart' }
  /** The verdict on the whole answer, followed by `done`. Only if the request waits for a verdict. */
  | { readonly type: 'verified'; readonly verification: Verification }
  | {
      readonly type: 'done'
      /** The peer that served the last chunk. */
      readonly peerId: string
      readonly usage: Usage
      readonly timings: Timings
      /** From the peer that ended the answer. Absent if the client or a provider ended it. */
      readonly report?: PeerReport
    }

/** What a peer reports at the end of its part of an answer. */
export interface PeerReport {
  readonly candidate: Candidate
  readonly usage: Usage
  /** Digest of the weights; empty if the peer cannot read it. */
  readonly digest: string
  /** Tokens that other peers contributed before. */
  readonly tokensBefore: number
  /** Duration of the attempt, by the client's clock. */
  readonly elapsedMs: number
}

import type { FinishReason, ScoreRequest } from '../../../protocol/index.ts'
import type { Candidate } from '../../request/index.ts'
import type { SamplingOptions } from '../verify/index.ts'
import type { ShownText } from './shown-text.ts'

/** The part of an answer that one peer wrote. */
export interface AnswerPart {
  readonly candidate: Candidate
  /** Index of its first token in the answer. */
  readonly from: number
  /** Index after its last token. */
  readonly to: number
  /** All text displayed up to the end of the part, by any peer. If absent, the text is not compared. */
  readonly shown?: ShownText | undefined
  /** Absent if another peer continued the answer, or if unknown. */
  readonly finish?: FinishReason | undefined
}

/** An answer to be rated: the request, and which peer wrote which tokens. */
export interface AuditSubject {
  readonly asked: ScoreRequest['request']
  readonly tokenIds: readonly number[]
  readonly parts: readonly AnswerPart[]
  readonly temperature: number
  /** Stop strings of the request. @default none */
  readonly stops?: readonly string[]
  /** Sampling options of the request. @default none */
  readonly sampling?: SamplingOptions | undefined
  /** Peers that may see the answer. @default all */
  readonly trusted?: ReadonlySet<string> | undefined
}

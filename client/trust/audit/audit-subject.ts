import type { FinishReason, ScoreRequest } from '../../../protocol/index.ts'
import type { Candidate } from '../../request/index.ts'
import type { Drawing } from '../verify/index.ts'
import type { Shown } from './shown-text.ts'
/** The part of an answer that one peer wrote. */
export interface AnswerPart {
  readonly candidate: Candidate
  /** Its places among the answer's tokens, from … to before. */
  readonly from: number
  readonly to: number
  /** All text up to its end, whoever showed it. Absent: nobody listened to it, so it is not compared. */
  readonly shown?: Shown
  /** Absent: another one went on, or nobody knows. */
  readonly finish?: FinishReason
}

/** An answer that can be rated: what was asked, and who wrote which tokens. */
export interface AuditSubject {
  readonly asked: ScoreRequest['request']
  readonly tokenIds: readonly number[]
  readonly parts: readonly AnswerPart[]
  readonly temperature: number
  /** Strings that cut it off. @default none */
  readonly stops?: readonly string[]
  /** What the request said of how its tokens are to be drawn. @default nothing */
  readonly drawing?: Drawing
  /** Peers that may see it. @default all */
  readonly trusted?: ReadonlySet<string>
}

import type { AttemptRecord, ErrorCode, InferenceKind, Usage } from '../../protocol/index.ts'
import type { Policy, ResumeMode } from './policy.ts'
import type { Verification } from './verification.ts'
/** What a request took beyond what the caller's usage says: failed, superseded and compared attempts. */
export interface Cost {
  readonly attempts: number
  readonly promptTokens: number
  readonly completionTokens: number
  /** Some of it was estimated: an attempt that does not end does not tell its usage. */
  readonly estimated: boolean
}

/** What came of a quorum. */
export interface Agreement {
  /** Complete answers that were compared. */
  readonly answers: number
  /** Those that agree with the one delivered, itself included. */
  readonly agreeing: number
  /** Some of them differ where two tokens are nearly tied, which rounding explains. */
  readonly tolerated: boolean
}

/** The one record of a request: the log, `skein ask --explain` and the dashboard show this. */
export interface RequestEvent {
  /** The client's own, not known to any peer. */
  readonly requestId: string
  /** Milliseconds since 1970. */
  readonly startedAt: number
  readonly kind: InferenceKind
  /** As the caller named it: also a chain of models, apart by commas. */
  readonly model: string
  /** The model whose answer the caller got, or the end of it. Absent where none began. */
  readonly answeredBy?: string
  readonly policy: Policy
  readonly resume: ResumeMode
  /** A guess by the length of the text. */
  readonly estimatedPromptTokens: number
  readonly outcome: 'answered' | ErrorCode
  /** Why it failed. */
  readonly message?: string
  /** To the first piece that the caller received. */
  readonly ttftMs?: number
  readonly durationMs: number
  /** In the order of their ends. */
  readonly attempts: readonly AttemptRecord[]
  /** Times that the answer went on at another attempt after it had begun. */
  readonly resumes: number
  /** False once a piece was written by other weights, or after text that was tokenized anew. */
  readonly exact: boolean
  /** The caller's: the prompt once, and the completion delivered. */
  readonly usage?: Usage
  /** The peer that was to tell the usage was lost at the very end, so it was estimated. */
  readonly usageEstimated?: true
  readonly cost: Cost
  readonly agreement?: Agreement
  /** How the answer was checked before its end was told, where the request asked for it; of one that failed for it, too. */
  readonly verification?: Verification
  /** Answered from memory: the same request had failed again and again. */
  readonly remembered?: true
}

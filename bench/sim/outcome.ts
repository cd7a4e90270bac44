import type { AuditSubject } from '../../client/trust/audit/audit-subject.ts'
import type { ErrorCode } from '../../protocol/index.ts'
export interface SimRequest {
  /** Of all requests of its client. */
  readonly number: number
  readonly promptTokens: number
  readonly answerTokens: number
  readonly affinity?: string
}

/** What came of a request. */
export interface Outcome {
  readonly code: ErrorCode | 'answered'
  /** A part of it was written by other weights than its peer names. */
  readonly wrong: boolean
  readonly ttftMs: number
  readonly totalMs: number
  readonly attempts: number
  readonly resumes: number
  /** Between the last token of one peer and the first of the next, at most. */
  readonly gapMs: number
  /** Tokens generated for it, including those that were not delivered. */
  readonly tokensWritten: number
  readonly peers: readonly string[]
  readonly subject?: AuditSubject
}

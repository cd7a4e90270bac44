import type { Resume } from '../../protocol/index.ts'
import type { Candidate } from '../request/index.ts'
import type { ResumeNeed } from './resume-need.ts'

/** A peer to ask, and for a resume, how it continues the answer. */
export interface Choice {
  readonly candidate: Candidate
  readonly resume?: Resume
  readonly exact?: boolean
  /** The time limit for a connection, where it is shorter than usual. */
  readonly dialTimeoutMs?: number
}

/** What the next attempt is for. */
export interface SelectionQuery {
  readonly resume?: ResumeNeed
  /** Peers that work on this request now. */
  readonly busy: readonly Candidate[]
  /** Only peers that this client has met. @default false */
  readonly met?: boolean
}

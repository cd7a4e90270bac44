import type { AnswerRequest, ModelReference } from '../../protocol/index.ts'
import type { AnswerChunk } from './answer-chunk.ts'
import type { Journal } from './journal.ts'
import type { RequestLimits } from './limits.ts'
import type { Placement } from './placement.ts'
import type { Plan, ResumeMode } from './policy.ts'
import type { WireRequest } from './wire-request.ts'
/** One request, validated. */
export interface Job {
  readonly request: AnswerRequest
  /** The same as it travels. */
  readonly wire: WireRequest
  readonly reference: ModelReference
  readonly limits: RequestLimits
  readonly plan: Plan
  readonly resume: ResumeMode
  /** The caller gets the whole at once, so that an answer which cannot go on may begin anew. */
  readonly restartable: boolean
  /** Peers that may see it. @default all */
  readonly trusted?: ReadonlySet<string> | undefined
  /** For a part of larger work. */
  readonly placement?: Placement | undefined
  readonly journal: Journal
  /** The caller has this much of the answer already, by another model: it is to go on from there. */
  readonly delivered?: readonly AnswerChunk[]
}

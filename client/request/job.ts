import type { AnswerRequest, ModelReference } from '../../protocol/index.ts'
import type { AnswerChunk } from './answer-chunk.ts'
import type { Journal } from './journal.ts'
import type { RequestLimits } from './limits.ts'
import type { Placement } from './placement.ts'
import type { Plan, ResumeMode, ToolCallDelivery } from './policy.ts'
import type { RequestOptions } from './request-options.ts'
import type { WireRequest } from './wire-request.ts'

/** One validated request. */
export interface Job {
  readonly request: AnswerRequest
  /** The request as it is sent. */
  readonly wire: WireRequest
  readonly reference: ModelReference
  readonly limits: RequestLimits
  readonly plan: Plan
  readonly resume: ResumeMode
  readonly toolCalls: ToolCallDelivery
  /** The caller gets the whole answer at once, so an answer that cannot be resumed may start over. */
  readonly restartable: boolean
  /** Peers that may see the request. @default all */
  readonly trusted?: ReadonlySet<string> | undefined
  /** Names of the own providers that may see the request. @default all, or none of a request for trusted peers */
  readonly providers?: readonly string[] | undefined
  /** Set if the request is a part of a larger call. */
  readonly placement?: Placement | undefined
  readonly journal: Journal
  readonly onPeerProgress?: RequestOptions['onPeerProgress'] | undefined
  /** What another model, or the same one in another swarm, has delivered; the answer continues after it. */
  readonly delivered?: readonly DeliveredChunk[]
  /** Whether another model is asked if this one fails. @default false */
  readonly hasNext?: boolean
}

/** A chunk that the caller has. */
export interface DeliveredChunk {
  readonly chunk: AnswerChunk
  /** Ids of the tokens that it adds. Absent if the engine does not report them. */
  readonly tokenIds?: readonly number[]
  /** Digest of the weights that wrote it. Empty if unknown. */
  readonly digest: string
}

import type { AnswerRequest, ModelReference, Timings, Usage } from '../../protocol/index.ts'
import type { AnswerChunk, WireRequest } from '../attempt/index.ts'
import type { RequestLimits } from '../defaults.ts'
import type { Candidate } from '../directory/index.ts'
import type { Placement } from '../placement.ts'
import type { Plan, ResumeMode } from '../policy.ts'
import type { Scope } from '../scope.ts'
import type { DispatchContext } from './dispatch-context.ts'
import { DispatchRun } from './dispatch-run.ts'
import type { Journal } from './journal.ts'

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
  readonly trusted?: ReadonlySet<string>
  /** For a part of larger work. */
  readonly placement?: Placement
  readonly journal: Journal
  /** The caller has this much of the answer already, by another model: it is to go on from there. */
  readonly delivered?: readonly AnswerChunk[]
}

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

/**
 * Runs a request until it is answered completely, then ends.
 *
 * @throws InferenceError when it cannot be; the scope's reason when the caller or the deadline ended it
 */
export async function* dispatch(
  context: DispatchContext,
  job: Job,
  scope: Scope,
): AsyncGenerator<DispatchEvent, void, void> {
  const run = new DispatchRun(context, job, scope)
  try {
    yield* run.events()
  } finally {
    await run.close()
  }
}

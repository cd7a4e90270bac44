import type { AttemptReason } from '../../protocol/index.ts'
import type { Plan, RequestLimits } from '../request/index.ts'

/** An attempt, from the decision to make it until its end. */
export interface AttemptState {
  readonly id: number
  readonly reason: AttemptReason
  /** Started while other attempts were running. */
  readonly concurrent: boolean
  /** `choosing` a peer; `waiting` for its first piece, or streaming; `complete`: its whole answer is held (quorum). */
  readonly status: 'choosing' | 'waiting' | 'complete'
}

interface Common {
  readonly plan: Plan
  readonly limits: Pick<
    RequestLimits,
    'maxAttempts' | 'maxLoading' | 'maxResumes' | 'maxUnreachable'
  >
  /** Attempts that have not ended. */
  readonly attempts: readonly AttemptState[]
  readonly nextAttempt: number
  /** Sequential attempts before the answer began. Attempts that reached no peer are not counted. */
  readonly tries: number
  /** Peers that could not be reached. */
  readonly unreachable: number
  /** Attempts that ended because the engine was loading. */
  readonly loading: number
  /** Resumes of a begun answer at another peer. */
  readonly resumes: number
}

/**
 * The phase of a request.
 *
 * - `opening`: no peer has begun to answer. At `hedgeAtMs` another attempt joins.
 * - `comparing`: a quorum; complete answers are held until enough of them agree.
 * - `streaming`: the leader's pieces go to the caller. At `hedgeAtMs` it counts as stalled.
 * - `resuming`: the leader is lost, and another peer is to continue the answer.
 */
export type DispatchState =
  | (Common & { readonly phase: 'opening'; readonly hedgeAtMs?: number; readonly hedged: boolean })
  | (Common & { readonly phase: 'comparing'; readonly compared: number })
  | (Common & {
      readonly phase: 'streaming'
      readonly leader: number
      readonly hedgeAtMs?: number
      /** The leader is not read while another peer is tried that may be faster. */
      readonly paused: boolean
    })
  | (Common & { readonly phase: 'resuming'; readonly hedgeAtMs?: number; readonly hedged: boolean })
  | (Common & { readonly phase: 'ended' })

/** How to recover an answer whose leader is lost. */
export type Recovery =
  /** It is complete except for its formal end. */
  | 'end'
  | 'resume'
  /** The caller has seen nothing yet: start again. */
  | 'restart'
  | 'give-up'

export type DispatchInput =
  | { readonly type: 'start' }
  | {
      readonly type: 'chosen'
      readonly attempt: number
      /** When a second attempt is worth its cost if this one has not begun by then. */
      readonly hedgeAtMs: number
      /** When a further attempt is worth its cost, once a second one is running. */
      readonly overdueAtMs: number
    }
  /** A lone attempt reports that its first piece will come before another peer could send one. */
  | { readonly type: 'nearing'; readonly attempt: number; readonly hedgeAtMs: number }
  /** There is no peer to ask, or no budget left. */
  | { readonly type: 'no-candidate'; readonly attempt: number; readonly recovery: Recovery }
  /** The first piece that counts: a visible one, or any token of a resume. */
  | { readonly type: 'began'; readonly attempt: number }
  /** The leader made progress; it counts as stalled if no piece arrives by `stallAtMs`. */
  | { readonly type: 'progressed'; readonly stallAtMs: number }
  /** The leader sends too few tokens per second. */
  | { readonly type: 'too-slow' }
  | { readonly type: 'completed'; readonly attempt: number }
  /**
   * `final`: the request is sent to no further peer. `countsAs`: which limit it counts towards. `unreachable`: its peer
   * never received the request; `loading`: its engine cannot take it yet.
   */
  | {
      readonly type: 'failed'
      readonly attempt: number
      readonly recovery: Recovery
      readonly final: boolean
      readonly countsAs: 'attempt' | 'loading' | 'unreachable'
    }
  /** Complete answers were compared. */
  | { readonly type: 'compared'; readonly winner: number | undefined }
  | { readonly type: 'ticked'; readonly atMs: number; readonly stallAtMs: number }

export type DispatchEffect =
  /** `concurrent`: while others run; only if another peer is known that can be asked at once. */
  | {
      readonly type: 'open'
      readonly attempt: number
      readonly reason: AttemptReason
      readonly concurrent: boolean
    }
  | { readonly type: 'cancel'; readonly attempt: number }
  /** From now on the pieces of this attempt go to the caller, the held ones first. */
  | { readonly type: 'lead'; readonly attempt: number }
  | { readonly type: 'pause' | 'unpause'; readonly attempt: number }
  | { readonly type: 'compare' }
  /** The caller's answer starts again. */
  | { readonly type: 'restart' }
  /** The answer is complete; `attempt` reported its usage. Without it the client ends the answer. */
  | { readonly type: 'finish'; readonly attempt?: number }
  | { readonly type: 'fail'; readonly why: 'attempts' | 'resumes' | 'not-resumable' | 'quorum' }

export interface Step {
  readonly state: DispatchState
  readonly effects: readonly DispatchEffect[]
}

/** @param begun the caller already has part of the answer, from another source */
export function initialState(plan: Plan, limits: Common['limits'], begun = false): DispatchState {
  const common = {
    plan,
    limits,
    attempts: [],
    nextAttempt: 0,
    tries: 0,
    unreachable: 0,
    loading: 0,
    resumes: 0,
  }
  if (begun) return { ...common, phase: 'resuming', hedged: false }
  return plan.type === 'quorum'
    ? { ...common, phase: 'comparing', compared: 0 }
    : { ...common, phase: 'opening', hedged: false }
}

/** A state in which inputs still matter. */
export type Live = Exclude<DispatchState, { phase: 'ended' }>

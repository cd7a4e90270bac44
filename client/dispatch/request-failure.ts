import { InferenceError } from '../../protocol/index.ts'
import type { Job } from '../request/index.ts'
import type { Delivery } from './delivery.ts'
import { interrupted, quorumNotReached } from './dispatch-errors.ts'
import type { DispatchEffect } from './dispatch-state.ts'
import { claimedPromptTokens, confirmedFailure, isStrangersClaim } from './failures.ts'
import type { Selection } from './selection.ts'

type Why = Extract<DispatchEffect, { type: 'fail' }>['why']

/** Finds out, from the attempts that failed, whether a request can still be answered, and why not. */
export class RequestFailure {
  readonly #job: Job
  readonly #selection: Selection
  /** Why no peer could be asked. */
  #noCandidate: InferenceError | undefined
  /** The failure after which the request is sent to no further peer. */
  #confirmed: InferenceError | undefined

  constructor(job: Job, selection: Selection) {
    this.#job = job
    this.#selection = selection
  }

  noCandidate(cause: unknown): void {
    this.#noCandidate = InferenceError.from(cause)
  }

  /** A peer was found that answers. */
  candidateFound(): void {
    this.#noCandidate = undefined
  }

  /** Judges the newest failure. @returns whether it ends the request */
  isFinal(): boolean {
    this.#confirmed = this.#findConfirmed()
    return this.#confirmed !== undefined
  }

  /** The failure that ends the request, if the request is or may be at fault. */
  #findConfirmed(): InferenceError | undefined {
    const { failures } = this.#selection
    const end = confirmedFailure(failures)
    if (end === undefined) return undefined
    const isDoubtful = isStrangersClaim(failures)
    if (isDoubtful && this.#selection.hasBetterThan(end.traits.kind)) return undefined
    if (end.code !== 'context_too_long') return end
    return this.#selection.hasRoomFor(claimedPromptTokens(failures) ?? 0) ? undefined : end
  }

  /** The error for the caller. @param isSuited whether any peer's engine can continue the answer */
  error(why: Why, delivery: Delivery, isSuited: () => boolean): InferenceError {
    const { failures } = this.#selection
    const noCandidate = this.#noCandidate
    switch (why) {
      case 'attempts':
        return this.#confirmed ?? noCandidate ?? this.#selection.exhausted()
      case 'quorum':
        return quorumNotReached(this.#job, failures, noCandidate)
      case 'resumes':
      case 'not-resumable': {
        const continuation = delivery.continuation()
        return interrupted(continuation, delivery.tokens, failures, noCandidate, isSuited())
      }
      default:
        return why satisfies never
    }
  }
}

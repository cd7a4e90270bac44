import type { Clock } from '../../timing/index.ts'
import type { Answered, AttemptSource } from '../attempt/index.ts'
import type { Directory, Prober, Router, SwarmHost } from '../peers/index.ts'
import type { Candidate } from '../request/index.ts'
import type { ResumeReserve, RetryBudget } from './budget/index.ts'

/** What all requests of a client share. */
export interface DispatchContext {
  readonly clock: Clock
  readonly host: SwarmHost
  readonly attempt: AttemptSource
  readonly directory: Omit<Directory, 'close'>
  readonly prober: Pick<Prober, 'probe' | 'refresh'>
  readonly router: Router
  /** For retries and hedges. */
  readonly budget: Pick<RetryBudget, 'balance' | 'succeeded' | 'take'>
  readonly reserve: Pick<ResumeReserve, 'acquire' | 'answered' | 'balance'>
  /** Whether conversations stay with their peer, as far as its load allows. */
  readonly affinity: boolean
  /** Whether a peer may be asked at all: not one that is quarantined. @default everyone */
  readonly admits?: (candidate: Candidate) => boolean
  /** Told of each complete answer, where receipts are given. @default nobody is told */
  readonly onAnswered?: (candidate: Candidate, answer: Answered) => void
  /** From 0, below 1. */
  readonly random: () => number
}

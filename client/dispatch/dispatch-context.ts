import type { AbortOptions, Clock } from '../../timing/index.ts'
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
  /** The same for the requests of batches. @default those above */
  readonly batchBudgets?: Pick<DispatchContext, 'budget' | 'reserve'>
  /** Whether conversations stay with their peer as far as its load allows. */
  readonly affinity: boolean
  /** Whether the trace of a request is sent to peers. @default no */
  readonly carriesTraces?: boolean
  /** Whether a peer may be asked at all; false for a quarantined peer. @default every peer may */
  readonly admits?: (candidate: Candidate) => boolean
  /** Receives each complete answer, for receipts. @default not called */
  readonly onAnswered?: (candidate: Candidate, answer: Answered) => void
  /**
   * Waits a while for this machine to be back in the swarm, if it is connected to no peer. @default no wait
   */
  readonly online?: (options: AbortOptions) => Promise<void>
  /** A random number from 0 up to, but not including, 1. */
  readonly random: () => number
}

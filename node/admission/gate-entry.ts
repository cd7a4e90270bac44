import type { InferenceError } from '../../protocol/index.ts'
import type { Waiting } from './turn.ts'

/** A request that asks for a slot. */
export interface GateRequest {
  readonly peer: string
  /** Network of the peer. @default the same for all */
  readonly network?: string
  /** Whether it comes before strangers. @default false */
  readonly contributes?: boolean
  readonly deadlineAtMs: number
  readonly signal: AbortSignal
  /** Called if the slot is needed by a peer that has none: the request has to end, and to release it. @default ignored */
  readonly onRevoke?: (reason: InferenceError) => void
}

export interface Ticket {
  /** 0 with a slot at once, 1 for the next in the queue. */
  readonly queuePosition: number
  readonly expectedTtftMs: number
  /**
   * Resolves with the slot. Rejects with the signal's reason, `deadline_exceeded` for a request whose time passed
   * in the queue, or `over_capacity` for one evicted in favour of a contributor, or of a peer with fewer requests.
   */
  readonly granted: Promise<void>
  /** Releases the slot or the place in the queue. Idempotent. */
  release(): void
}

/** A request that waits for a slot or holds one. */
export interface Entry extends Waiting {
  readonly deadlineAtMs: number
  /** `revoked`: still running, and about to end. */
  status: 'waiting' | 'running' | 'revoked' | 'gone'
  readonly enteredAtMs: number
  startedAtMs: number
  readonly revoke: (reason: InferenceError) => void
  readonly grant: () => void
  readonly refuse: (error: unknown) => void
}

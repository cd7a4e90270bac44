import type { Progress } from '../../protocol/index.ts'
import type { AbortOptions } from '../../timing/index.ts'
import type { RequestLimits } from './limits.ts'
import type { Placement } from './placement.ts'
import type { Policy, ResumeMode, ToolCallDelivery } from './policy.ts'
import type { SwitchModels } from './switch-models.ts'
import type { VerifyMode } from './verify-mode.ts'

/** What a peer does for a request before its first piece. */
export interface ProgressReport {
  readonly peerId: string
  readonly progress: Progress
}

/** Options of one request. Limits override those of the client. */
export interface RequestOptions extends AbortOptions, Partial<RequestLimits> {
  /** @default the client's */
  readonly policy?: Policy
  /** @default the client's */
  readonly resume?: ResumeMode
  /** @default whole */
  readonly toolCalls?: ToolCallDelivery
  /** Until when a chain may switch to the next model. @default before-answer */
  readonly switchModels?: SwitchModels
  /** @default the client's */
  readonly verify?: VerifyMode
  /**
   * Ids of the peers that may see the request. No other peer gets it, not even to hedge, to resume or to rate the answer.
   *
   * @default all
   */
  readonly trusted?: readonly string[]
  /**
   * Names of the caller's own providers that may see the request.
   *
   * @default all; none where `trusted` is given
   */
  readonly providers?: readonly string[]
  /** Called with each report of a peer on its work before the first piece. @default does nothing */
  readonly onPeerProgress?: (report: ProgressReport) => void
  /**
   * The caller's `traceparent` (https://www.w3.org/TR/trace-context/). Peers get the context only in a private swarm, or
   * one with members. One that is not valid is ignored. @default none
   */
  readonly traceparent?: string
  /** Gateways that the request has passed through. Forwarded to the caller's providers. @default 0 */
  readonly hops?: number
}

/** Options of a request that may be a part of a larger call. */
export interface PlacedOptions extends RequestOptions {
  /** @default a request of its own */
  readonly placement?: Placement
}

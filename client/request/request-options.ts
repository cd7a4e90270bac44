import type { RequestLimits } from './limits.ts'
import type { Placement } from './placement.ts'
import type { Policy, ResumeMode } from './policy.ts'
import type { SwitchModels } from './switch-models.ts'
import type { VerifyMode } from './verify-mode.ts'

/** What every call takes: a signal whose firing ends the call with the reason of the signal. */
export interface AbortOptions {
  readonly signal?: AbortSignal
}

/** For one request. Limits override the client's. */
export interface RequestOptions extends AbortOptions, Partial<RequestLimits> {
  /** @default the client's */
  readonly policy?: Policy
  /** @default the client's */
  readonly resume?: ResumeMode
  /** How far a chain of models may go on to the next one. @default before-answer */
  readonly switchModels?: SwitchModels
  /** @default the client's */
  readonly verify?: VerifyMode
  /**
   * Ids of the peers that may see the request. No other peer is asked: not to hedge, to resume or to rate the answer.
   *
   * @default all
   */
  readonly trusted?: readonly string[]
  /** Gateways that the request came through, for gateways. Passed on to the caller's providers. @default 0 */
  readonly hops?: number
}

/** For one request that may be a part of larger work. */
export interface PlacedOptions extends RequestOptions {
  /** @default none: a request by itself */
  readonly placement?: Placement
}

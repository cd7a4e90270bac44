import type { Backend } from '../../backend/index.ts'
import type { Ledger } from '../../ledger/index.ts'
import { type Clock, systemClock } from '../../timing/index.ts'
import type { ProviderInit } from '../chain/index.ts'
import { type DispatchContext, ResumeReserve, RetryBudget } from '../dispatch/index.ts'
import {
  DISCOVERY_LIMITS,
  type DiscoveryLimits,
  type Policy,
  parsePolicy,
  parseResumeMode,
  REQUEST_LIMITS,
  type RequestEvent,
  type RequestLimits,
  type ResumeMode,
  resolveLimits,
  type VerifyMode,
} from '../request/index.ts'
import { type CanaryMode, Reputation } from '../trust/index.ts'

/** How a client asks. Each has a default; see {@link RequestLimits}, {@link DiscoveryLimits}. */
export interface SettingsInit extends Partial<RequestLimits>, Partial<DiscoveryLimits> {
  /** Milliseconds since 1970. @default Date.now */
  readonly now?: () => number
  /** From 0, below 1: for choices and jitter. @default Math.random */
  readonly random?: () => number
  /** For requests that do not say. @default hedge */
  readonly policy?: Policy
  /** For requests that do not say. @default same-model */
  readonly resume?: ResumeMode
  /** Names of the caller's own for models, each for an id, or a chain of them apart by commas. @default none */
  readonly aliases?: Readonly<Record<string, string>>
  /** Clouds and engines of the caller's own. Their keys go to them alone. @default none */
  readonly providers?: readonly ProviderInit[]
  /** For requests that do not say. @default sample */
  readonly verify?: VerifyMode
  /** An engine of the caller's own that rates answers, asked before any peer. It stays the caller's to end. @default none */
  readonly scorer?: Backend
  /**
   * Requests of the client's own to peers that it does not know yet, rated like others: at most 2 % of the tokens
   * answered. `own-traffic` repeats requests of the caller's, which shows them to those peers. @default generated
   */
  readonly canaries?: CanaryMode
  /**
   * Give receipts to peers whose answers passed audits. Each says publicly that this client asked that peer, when, and
   * how many tokens it took: the peer's owner is then served before strangers, and friends know the peer for a good
   * one. @default false: no one learns which peers this client asks
   */
  readonly receipts?: boolean
  /** Gets the record of every request once that has ended. What it throws is dropped. */
  readonly onEvent?: (event: RequestEvent) => void
}

/** Settings, and what a client may be handed instead of making its own. */
export interface RequesterInit extends SettingsInit {
  /** @default the machine's, with `now` for the time of day */
  readonly clock?: Clock
  /** What is known of peers by audits. @default nothing yet */
  readonly reputation?: Reputation
  /** Receipts, and what friends think of peers. @default none */
  readonly ledger?: Ledger | undefined
  /** Limits retries, hedges and resumes. @default a budget and a reserve of this client's own */
  readonly budgets?: Pick<DispatchContext, 'budget' | 'reserve'>
  /** Whether conversations stay with their peer, whose engine has their prompt warm. @default true */
  readonly affinity?: boolean
}

/** Settings with every default filled in. */
export interface Settings
  extends Required<
    Pick<
      RequesterInit,
      | 'affinity'
      | 'aliases'
      | 'budgets'
      | 'canaries'
      | 'clock'
      | 'policy'
      | 'providers'
      | 'random'
      | 'receipts'
      | 'reputation'
      | 'resume'
      | 'verify'
    >
  > {
  readonly requestLimits: RequestLimits
  readonly discoveryLimits: DiscoveryLimits
  readonly ledger: Ledger | undefined
  readonly onEvent: ((event: RequestEvent) => void) | undefined
  readonly scorer: Backend | undefined
}

/** @throws InferenceError `invalid_request` for a limit out of range, an unknown policy or resume mode */
export function resolveSettings(init: RequesterInit): Settings {
  const { policy = 'hedge', resume = 'same-model' } = init
  // An invalid default fails now, not with the first request.
  parsePolicy(policy)
  parseResumeMode(resume)
  const clock = clockOf(init)
  return {
    requestLimits: resolveLimits(REQUEST_LIMITS, init),
    discoveryLimits: resolveLimits(DISCOVERY_LIMITS, init),
    policy,
    resume,
    verify: init.verify ?? 'sample',
    canaries: init.canaries ?? 'generated',
    receipts: init.receipts ?? false,
    affinity: init.affinity ?? true,
    aliases: init.aliases ?? {},
    providers: init.providers ?? [],
    budgets: init.budgets ?? { budget: new RetryBudget(), reserve: new ResumeReserve({ clock }) },
    clock,
    random: init.random ?? Math.random,
    reputation: init.reputation ?? new Reputation(() => clock.wall()),
    ledger: init.ledger,
    onEvent: init.onEvent,
    scorer: init.scorer,
  }
}

/** The clock that is given, with the caller's time of day. */
function clockOf({ clock = systemClock, now }: Pick<RequesterInit, 'clock' | 'now'>): Clock {
  if (now === undefined) return clock
  return {
    now: () => clock.now(),
    wall: now,
    after: (ms, run, options) => clock.after(ms, run, options),
  }
}

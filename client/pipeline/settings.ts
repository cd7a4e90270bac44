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

/** Settings of a client. All have defaults; see {@link RequestLimits}, {@link DiscoveryLimits}. */
export interface SettingsInit extends Partial<RequestLimits>, Partial<DiscoveryLimits> {
  /** Milliseconds since 1970. @default Date.now */
  readonly now?: () => number
  /** From 0, below 1; for selection and jitter. @default Math.random */
  readonly random?: () => number
  /** Default policy of requests. @default hedge */
  readonly policy?: Policy
  /** Default resume mode of requests. @default same-model */
  readonly resume?: ResumeMode
  /** The caller's own names for models; each value is an id or a comma-separated chain. @default none */
  readonly aliases?: Readonly<Record<string, string>>
  /** Clouds and engines of the caller's own. A key is sent to its provider only. @default none */
  readonly providers?: readonly ProviderInit[]
  /** Default verify mode of requests. @default sample */
  readonly verify?: VerifyMode
  /** The caller's own engine for rating answers, used before any peer. The client does not dispose it. @default none */
  readonly scorer?: Backend
  /**
   * Test requests of the client to unknown peers, rated like other answers; at most 2 % of the tokens answered.
   * `own-traffic` repeats requests of the caller, which shows them to those peers. @default generated
   */
  readonly canaries?: CanaryMode
  /**
   * Give receipts to peers whose answers passed audits. A receipt is a public statement that this client used that peer,
   * when, and for how many tokens. The peer's owner is then served before strangers, and friends learn that the peer is
   * good. @default false: which peers this client uses stays private
   */
  readonly receipts?: boolean
  /**
   * Share of requests, from 0 to 1, that get ids for spans, in the record and, within a private swarm, at peers. A request
   * with a `traceparent` follows that. @default none gets ids
   */
  readonly traces?: number
  /** Called with the record of every request when it ends. Exceptions are ignored. */
  readonly onEvent?: (event: RequestEvent) => void
  /**
   * Called with what each request asks when it starts, as text of at most 4,096 characters, and the id of its record: for
   * a console of the same owner. Must not throw. @default none: records have no prompts
   */
  readonly onPrompt?: (requestId: string, prompt: string) => void
}

/** Settings, and parts that a client shares with others instead of creating its own. */
export interface RequesterInit extends SettingsInit {
  /** @default the system clock, with `now` for wall time */
  readonly clock?: Clock
  /** Results of earlier audits. @default empty */
  readonly reputation?: Reputation
  /** Receipts, and friends' opinions of peers. @default none */
  readonly ledger?: Ledger | undefined
  /** Limits retries, hedges and resumes. @default a budget and a reserve for this client alone */
  readonly budgets?: Pick<DispatchContext, 'budget' | 'reserve'>
  /** The same for batches. @default `budgets` if set, or others for this client's batches alone */
  readonly batchBudgets?: Pick<DispatchContext, 'budget' | 'reserve'>
  /** Whether a conversation stays with the peer that has its prompt in the KV cache. @default true */
  readonly affinity?: boolean
}

/** Settings with all defaults applied. */
export interface Settings
  extends Required<
    Pick<
      RequesterInit,
      | 'affinity'
      | 'aliases'
      | 'batchBudgets'
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
  readonly onPrompt: RequesterInit['onPrompt'] | undefined
  readonly scorer: Backend | undefined
  readonly traces: number | undefined
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
    budgets: init.budgets ?? budgetsOf(clock),
    // A batch retries thousands of requests for hours: it would leave nothing to a person who waits.
    batchBudgets: init.batchBudgets ?? init.budgets ?? budgetsOf(clock),
    clock,
    random: init.random ?? Math.random,
    reputation: init.reputation ?? new Reputation(() => clock.wall()),
    ledger: init.ledger,
    onEvent: init.onEvent,
    onPrompt: init.onPrompt,
    scorer: init.scorer,
    traces: init.traces,
  }
}

function budgetsOf(clock: Clock): Pick<DispatchContext, 'budget' | 'reserve'> {
  return { budget: new RetryBudget(), reserve: new ResumeReserve({ clock }) }
}

/** The given clock with the caller's wall time. */
function clockOf({ clock = systemClock, now }: Pick<RequesterInit, 'clock' | 'now'>): Clock {
  if (now === undefined) return clock
  return {
    now: () => clock.now(),
    wall: now,
    after: (ms, run, options) => clock.after(ms, run, options),
  }
}

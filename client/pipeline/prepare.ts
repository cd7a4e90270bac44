import { randomBytes } from 'node:crypto'
import {
  type AttemptRecord,
  InferenceError,
  type InferenceKind,
  parseModelReference,
  parseRequest,
} from '../../protocol/index.ts'
import type { Scope } from '../../timing/index.ts'
import type { Fallback, Member } from '../chain/index.ts'
import { isDeterministic } from '../dispatch/index.ts'
import {
  encodeRequest,
  estimatePromptTokens,
  type Job,
  type Journal,
  type Placement,
  type Policy,
  parsePolicy,
  parseResumeMode,
  parseSwitchModels,
  parseVerifyMode,
  type RequestEvent,
  type RequestLimits,
  type ResumeMode,
  resolveLimits,
  type SwitchModels,
  trustedPeers,
  type VerifyMode,
} from '../request/index.ts'

export const DEFAULT_POLICY: Policy = 'hedge'
export const DEFAULT_RESUME: ResumeMode = 'same-model'

export interface CallOptions extends Partial<RequestLimits> {
  readonly signal?: AbortSignal
  readonly policy?: Policy
  readonly resume?: ResumeMode
  /** @default before-answer */
  readonly switchModels?: SwitchModels
  /** Gateways that the request came through before it came here. @default 0 */
  readonly hops?: number
  /** @default sample */
  readonly verify?: VerifyMode
  /** Ids of the peers that may see the request. @default all */
  readonly trusted?: readonly string[]
  /** For parts of larger work. Absent: a request by itself. */
  readonly placement?: Placement
}

/** What holds for calls that do not say. */
export interface CallDefaults {
  readonly limits: RequestLimits
  readonly fallback: Pick<Fallback, 'chainOf'>
  readonly policy?: Policy | undefined
  readonly resume?: ResumeMode | undefined
  readonly verify?: VerifyMode | undefined
}

/** One request, read and found to be one. */
export type Begun = Omit<Job, 'journal' | 'restartable'> & {
  readonly policy: Policy
  readonly estimatedPromptTokens: number
  /** As the caller named it. */
  readonly asked: string
  readonly members: readonly Member[]
  readonly switchModels: SwitchModels
  readonly hops: number
  readonly verify: VerifyMode
}

/** One call of the client's, before it is known to be a request. */
export interface Call {
  readonly kind: Exclude<InferenceKind, 'score'>
  readonly body: object
  readonly options: CallOptions
  readonly restartable: boolean
  /** Filled as attempts end. */
  readonly attempts: AttemptRecord[]
  readonly onEvent: (event: RequestEvent) => void
  onScope?: (scope: Scope) => void
  ended?: RequestEvent
  /** The model whose answer the caller gets. */
  answeredBy?: string
}

/** @throws InferenceError `invalid_request`, before anybody is asked */
export function begin(
  kind: Call['kind'],
  body: object,
  options: CallOptions,
  defaults: CallDefaults,
): Begun {
  const limits = resolveLimits(defaults.limits, options)
  const chain = defaults.fallback.chainOf(body)
  const request = parseRequest(kind, chain?.body ?? body)
  const policy = options.policy ?? defaults.policy ?? DEFAULT_POLICY
  const resume = parseResumeMode(options.resume ?? defaults.resume ?? DEFAULT_RESUME)
  const plan = parsePolicy(policy)
  if (plan.type === 'quorum' && !isDeterministic(request)) throw notComparable()
  const reference = parseModelReference(request.body.model)
  const wire = encodeRequest(request, reference.digest)
  const estimatedPromptTokens = estimatePromptTokens(request)
  const { asked, members } = chain ?? { asked: request.body.model, members: [] }
  const { hops = 0 } = options
  const trusted = trustedPeers(options.trusted)
  return {
    ...{ wire, request, reference, limits, plan, policy, resume, estimatedPromptTokens },
    ...{ asked, members, hops },
    verify: parseVerifyMode(options.verify ?? defaults.verify ?? 'sample'),
    ...(trusted !== undefined && { trusted }),
    switchModels: parseSwitchModels(options.switchModels ?? 'before-answer'),
    ...(options.placement !== undefined && { placement: options.placement }),
  }
}

export function newCall(
  kind: Call['kind'],
  body: object,
  options: CallOptions,
  restartable: boolean,
): Call {
  const call: Call = {
    kind,
    body,
    options,
    restartable,
    attempts: [],
    onEvent: (event) => {
      call.ended ??= event
    },
  }
  return call
}

export function eventOf(
  { request, asked, policy, resume, estimatedPromptTokens }: Begun,
  journal: Journal,
  end: Pick<RequestEvent, 'outcome' | 'startedAt'> & Partial<RequestEvent>,
): RequestEvent {
  const { attempts, resumes, exact, cost, ttftMs, usage, agreement, elapsedMs } = journal
  return {
    requestId: randomBytes(12).toString('hex'),
    kind: request.kind,
    model: asked,
    ...{ policy, resume, estimatedPromptTokens },
    ...(ttftMs !== undefined && { ttftMs }),
    durationMs: elapsedMs,
    attempts: [...attempts],
    ...{ resumes, exact, cost },
    ...(usage !== undefined && { usage }),
    ...(journal.usageEstimated && { usageEstimated: true as const }),
    ...(agreement !== undefined && { agreement }),
    ...end,
  }
}

/** An observer's failure is the observer's. */
export function tell(
  observer: ((event: RequestEvent) => void) | undefined,
  event: RequestEvent,
): void {
  try {
    observer?.(event)
  } catch {
    // It was told so in the documentation of `onEvent`.
  }
}

function notComparable(): InferenceError {
  return new InferenceError(
    'invalid_request',
    'a quorum compares answers, so the request has to be deterministic: temperature 0 or a seed, one choice',
    { details: { param: 'policy' } },
  )
}

/** The error with whom was asked, and what came of it. */
export function withAttempts(
  error: InferenceError,
  attempts: readonly AttemptRecord[],
): InferenceError {
  if (attempts.length === 0) return error
  return new InferenceError(error.code, error.message, {
    cause: error,
    ...(error.retryAfterMs !== undefined && { retryAfterMs: error.retryAfterMs }),
    details: { ...error.details, attempts: [...attempts] },
  })
}

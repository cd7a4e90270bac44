import {
  type AttemptRecord,
  InferenceError,
  type InferenceKind,
  parseModelReference,
  parseRequest,
} from '../../protocol/index.ts'
import type { ChainJob, Chains } from '../chain/index.ts'
import { isDeterministic } from '../dispatch/index.ts'
import {
  encodeRequest,
  estimatePromptTokens,
  Journal,
  type PlacedOptions,
  type Policy,
  parsePolicy,
  parseResumeMode,
  parseSwitchModels,
  parseToolCallDelivery,
  parseVerifyMode,
  requestTrace,
  resolveLimits,
  trustedPeers,
  type VerifyMode,
} from '../request/index.ts'
import type { Settings } from './settings.ts'

/** A call as the caller made it, before validation. */
export interface Call {
  readonly kind: Exclude<InferenceKind, 'score'>
  readonly body: object
  readonly options: PlacedOptions
  /** The caller gets the whole answer at once. */
  readonly restartable: boolean
}

/** A validated request with everything that the stages need. */
export interface PreparedRequest extends ChainJob {
  /** The model as the caller named it. */
  readonly asked: string
  readonly policy: Policy
  readonly verify: VerifyMode
}

export interface PrepareContext {
  readonly settings: Settings
  readonly chains: Pick<Chains, 'chainOf'>
  /** Gets each attempt when it ends. */
  readonly attempts: AttemptRecord[]
}

/** @throws InferenceError `invalid_request`, before any peer is asked */
export function prepare(
  { kind, body, options, restartable }: Call,
  { settings, chains, attempts }: PrepareContext,
): PreparedRequest {
  const limits = resolveLimits(settings.requestLimits, options)
  const chain = chains.chainOf(body)
  const request = parseRequest(kind, chain?.body ?? body)
  const policy = options.policy ?? settings.policy
  const resume = parseResumeMode(options.resume ?? settings.resume)
  const plan = parsePolicy(policy)
  if (plan.type === 'quorum' && !isDeterministic(request)) throw notComparable()
  const reference = parseModelReference(request.body.model)
  // Encoding rejects values that JSON cannot represent before anything else reads the body.
  const wire = encodeRequest(request, reference.digest)
  const estimatedPromptTokens = estimatePromptTokens(request)
  return {
    asked: chain?.asked ?? request.body.model,
    members: chain?.members ?? [],
    sources: chain?.sources,
    request,
    reference,
    wire,
    estimatedPromptTokens,
    limits,
    policy,
    plan,
    resume,
    toolCalls: parseToolCallDelivery(options.toolCalls ?? 'whole'),
    restartable,
    trusted: trustedPeers(options.trusted),
    providers: options.providers,
    verify: parseVerifyMode(options.verify ?? settings.verify),
    switchModels: parseSwitchModels(options.switchModels ?? 'before-answer'),
    hops: options.hops ?? 0,
    placement: options.placement,
    onPeerProgress: options.onPeerProgress,
    journal: new Journal(estimatedPromptTokens, attempts, settings.clock, {
      trace: requestTrace(options.traceparent, settings.traces, settings.random),
    }),
  }
}

function notComparable(): InferenceError {
  return new InferenceError(
    'invalid_request',
    'a quorum compares answers, so the request must be deterministic: temperature 0 or a seed, and one choice',
    { details: { param: 'policy' } },
  )
}

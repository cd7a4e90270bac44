import type { RequestEvent } from '../../client/index.ts'
import type { ServedRequest } from '../../node/index.ts'
import type { AttemptRecord, InferenceKind, Usage } from '../../protocol/index.ts'

/** A span that has ended. Nothing in it comes from a prompt or an answer. */
export interface EndedSpan {
  readonly name: string
  readonly kind: 'client' | 'server'
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  /** Milliseconds since 1970. */
  readonly startedAtMs: number
  readonly durationMs: number
  /** By the names of OpenTelemetry's conventions for generative AI, and `skein.…`. */
  readonly attributes: Readonly<Record<string, string | number | boolean>>
  readonly isFailed: boolean
}

const OPERATIONS: Readonly<Record<InferenceKind, string>> = {
  chat: 'chat',
  completion: 'text_completion',
  embedding: 'embeddings',
  score: 'score',
}
const PROVIDER_PREFIX = 'provider:'

/** The spans of a request and its attempts; none if it is not recorded. */
export function requestSpans(event: RequestEvent): readonly EndedSpan[] {
  const { trace, kind, model, outcome, usage, ttftMs, attempts, startedAt, durationMs } = event
  if (trace === undefined) return []
  const { traceId, spanId, parentSpanId } = trace
  const operation = OPERATIONS[kind]
  const about = { 'gen_ai.operation.name': operation, 'gen_ai.request.model': model }
  const whole: EndedSpan = {
    name: `${operation} ${model}`,
    kind: 'client',
    ...{ traceId, spanId, startedAtMs: startedAt, durationMs },
    ...(parentSpanId !== undefined && { parentSpanId }),
    attributes: {
      ...about,
      'gen_ai.provider.name': providerOf(attempts.find(isAnswered)),
      ...(event.answeredBy !== undefined && { 'gen_ai.response.model': event.answeredBy }),
      ...tokensOf(usage),
      ...firstChunk(ttftMs),
      ...errorOf(outcome),
      'skein.request.id': event.requestId,
      'skein.request.policy': event.policy,
      'skein.request.attempts': attempts.length,
      'skein.request.resumes': event.resumes,
      'skein.request.exact': event.exact,
    },
    isFailed: outcome !== 'answered' && outcome !== 'cancelled',
  }
  return [whole, ...attempts.flatMap((attempt) => attemptSpan(event, attempt, about, whole))]
}

function attemptSpan(
  { startedAt }: RequestEvent,
  attempt: AttemptRecord,
  about: EndedSpan['attributes'],
  { traceId, spanId: parentSpanId }: EndedSpan,
): readonly EndedSpan[] {
  const { spanId, reason, peerId, model, outcome, tokens, startedMs, durationMs, relay } = attempt
  if (spanId === undefined) return []
  return [
    {
      name: `attempt ${reason}`,
      kind: 'client',
      ...{ traceId, spanId, parentSpanId, startedAtMs: startedAt + startedMs, durationMs },
      attributes: {
        ...about,
        ...(model !== undefined && { 'gen_ai.request.model': model }),
        'gen_ai.provider.name': providerOf(attempt),
        'gen_ai.usage.output_tokens': tokens,
        ...firstChunk(attempt.ttftMs),
        ...errorOf(outcome),
        'skein.attempt.reason': reason,
        'skein.attempt.outcome': outcome,
        ...(!peerId.startsWith(PROVIDER_PREFIX) && { 'skein.peer.id': peerId }),
        ...(relay !== undefined && { 'skein.relay.id': relay }),
      },
      isFailed: outcome !== 'answered' && outcome !== 'superseded' && outcome !== 'cancelled',
    },
  ]
}

/** The span of a request that a node served; undefined if its caller records none. */
export function servedSpan(
  {
    trace,
    kind = 'chat',
    model,
    outcome,
    usage,
    queueMs,
    ttftMs,
    durationMs,
    peerId,
  }: ServedRequest,
  { spanId, endedAtMs }: { readonly spanId: string; readonly endedAtMs: number },
): EndedSpan | undefined {
  if (trace?.isSampled !== true) return undefined
  const operation = OPERATIONS[kind]
  return {
    name: model === undefined ? operation : `${operation} ${model}`,
    kind: 'server',
    traceId: trace.traceId,
    ...{ spanId, parentSpanId: trace.spanId, durationMs },
    startedAtMs: endedAtMs - durationMs,
    attributes: {
      'gen_ai.operation.name': operation,
      'gen_ai.provider.name': PROVIDER,
      ...(model !== undefined && { 'gen_ai.request.model': model, 'gen_ai.response.model': model }),
      ...tokensOf(usage),
      ...firstChunk(ttftMs),
      ...errorOf(outcome),
      ...(queueMs !== undefined && { 'skein.queue.duration': queueMs / 1_000 }),
      'skein.peer.id': peerId,
    },
    isFailed: outcome !== 'answered' && outcome !== 'cancelled',
  }
}

/** Of answers by peers. */
const PROVIDER = 'skein'

function isAnswered({ outcome }: AttemptRecord): boolean {
  return outcome === 'answered'
}

function providerOf(attempt: AttemptRecord | undefined): string {
  const { peerId = '' } = attempt ?? {}
  return peerId.startsWith(PROVIDER_PREFIX) ? peerId.slice(PROVIDER_PREFIX.length) : PROVIDER
}

function tokensOf(usage: Usage | undefined): EndedSpan['attributes'] {
  if (usage === undefined) return {}
  return {
    'gen_ai.usage.input_tokens': usage.promptTokens,
    'gen_ai.usage.output_tokens': usage.completionTokens,
    'gen_ai.usage.cache_read.input_tokens': usage.cachedPromptTokens,
  }
}

function firstChunk(ttftMs: number | undefined): EndedSpan['attributes'] {
  return ttftMs === undefined ? {} : { 'gen_ai.response.time_to_first_chunk': ttftMs / 1_000 }
}

/** The code only: messages of engines may repeat a prompt. */
function errorOf(outcome: string): EndedSpan['attributes'] {
  return outcome === 'answered' || outcome === 'superseded' ? {} : { 'error.type': outcome }
}

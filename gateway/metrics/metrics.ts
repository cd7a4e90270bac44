import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { RequestEvent } from '../../client/index.ts'
import type { GatewayClient } from '../gateway-client.ts'
import { createBoundedLabel } from './bounded-label.ts'

/** Metrics of `GET /metrics`, counted since the gateway started; no label names a peer, a caller or a key. */
export interface Metrics {
  /** The metrics in Prometheus' text format. */
  text(): Promise<string>
  readonly contentType: string
  /** One answer over HTTP. */
  answered(route: string, status: number): void
  /** Gap between two chunks of a stream, including waiting for its reader. */
  gap(ms: number): void
  /** Queue wait of a request. */
  queued(ms: number): void
  /** Stops observing the client. */
  close(): void
}

/** The metrics of one model and kind of request. */
interface ObservedModel {
  readonly labels: {
    readonly gen_ai_operation_name: string
    readonly gen_ai_request_model: string
  }
  readonly duration: Histogram.Internal<string>
  readonly input: Histogram.Internal<string>
  readonly output: Histogram.Internal<string>
  readonly ttft: Histogram.Internal<string>
  readonly perToken: Histogram.Internal<string>
}

/** OpenTelemetry's names of operations. */
const OPERATIONS: Readonly<Record<RequestEvent['kind'], string>> = {
  chat: 'chat',
  completion: 'text_completion',
  embedding: 'embeddings',
  score: 'score',
}

/** Bucket bounds as OpenTelemetry's semantic conventions for generative AI metrics advise (v1.37). */
const DURATION_S = [
  0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
]
const TOKENS = Array.from({ length: 14 }, (_, power) => 4 ** power)
const TTFT_S = [
  0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
]
const PER_TOKEN_S = [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5]

/**
 * Metrics from the one record of each request. Names follow OpenTelemetry's conventions for
 * generative AI where they have one, in Prometheus' spelling; the others begin with `skein_`.
 */
export function createMetrics(
  client: Pick<GatewayClient, 'observe' | 'stats'>,
  queue: { readonly depth: number } = { depth: 0 },
): Metrics {
  const registry = new Registry()
  const registers = [registry]
  const model = createBoundedLabel()
  const about = ['gen_ai_operation_name', 'gen_ai_request_model'] as const
  const duration = new Histogram({
    name: 'gen_ai_client_operation_duration_seconds',
    help: 'Duration of requests',
    labelNames: [...about, 'error_type'],
    ...{ buckets: DURATION_S, registers },
  })
  const tokens = new Histogram({
    name: 'gen_ai_client_token_usage',
    help: 'Tokens of each answered request',
    labelNames: [...about, 'gen_ai_token_type'],
    ...{ buckets: TOKENS, registers },
  })
  const ttft = new Histogram({
    name: 'gen_ai_server_time_to_first_token_seconds',
    help: 'Time from the start of requests to the first chunk for the caller',
    labelNames: about,
    ...{ buckets: TTFT_S, registers },
  })
  const perToken = new Histogram({
    name: 'gen_ai_server_time_per_output_token_seconds',
    help: 'Mean time per token after the first',
    labelNames: about,
    ...{ buckets: PER_TOKEN_S, registers },
  })
  const gaps = new Histogram({
    name: 'skein_inter_token_latency_seconds',
    help: 'Gaps between chunks of streams',
    ...{ buckets: [0.001, 0.0025, 0.005, ...PER_TOKEN_S], registers },
  })
  const requests = new Counter({
    name: 'skein_requests_total',
    help: 'Requests that ended, by outcome: answered, or the code of the error',
    labelNames: [...about, 'outcome'],
    registers,
  })
  const attempts = new Counter({
    name: 'skein_attempts_total',
    help: 'Attempts at peers, by reason and outcome',
    labelNames: ['reason', 'outcome'],
    registers,
  })
  const hedges = new Counter({
    name: 'skein_hedges_total',
    help: 'Second attempts because the first was slow to begin',
    registers,
  })
  const resumes = new Counter({
    name: 'skein_resumes_total',
    help: 'Answers resumed at another peer, by whether it was exact (by token ids with the same weights)',
    labelNames: ['exact'],
    registers,
  })
  const extra = new Counter({
    name: 'skein_extra_tokens_total',
    help: 'Tokens spent by attempts beyond the usage reported to callers',
    labelNames: ['gen_ai_token_type'],
    registers,
  })
  const relayed = new Counter({
    name: 'skein_relayed_bytes_total',
    help: 'Bytes of attempts that went through relays, both directions',
    registers,
  })
  const http = new Counter({
    name: 'skein_http_requests_total',
    help: 'Answers over HTTP',
    labelNames: ['route', 'status'],
    registers,
  })
  const waits = new Histogram({
    name: 'skein_queue_wait_seconds',
    help: 'Time that requests waited for free slots of peers',
    ...{ buckets: DURATION_S, registers },
  })
  new Gauge({
    name: 'skein_queue_depth',
    help: 'Requests waiting for free slots of peers',
    registers,
    collect() {
      this.set(queue.depth)
    },
  })
  new Gauge({
    name: 'skein_requests_in_flight',
    help: 'Attempts in flight',
    registers,
    collect() {
      this.set(client.stats().inFlight)
    },
  })
  new Gauge({
    name: 'skein_retry_budget',
    help: 'Retries and hedges available',
    registers,
    collect() {
      this.set(client.stats().retryBudget)
    },
  })
  new Gauge({
    name: 'skein_resume_reserve',
    help: 'Resumes available now',
    registers,
    collect() {
      this.set(client.stats().resumeReserve)
    },
  })
  new Gauge({
    name: 'skein_peers',
    help: 'Peers that serve a model: known in all, connected to, ejected for failures',
    labelNames: ['state'],
    registers,
    collect() {
      for (const [state, count] of Object.entries(client.stats().peers)) this.set({ state }, count)
    },
  })

  const observedModel = (kind: RequestEvent['kind'], name: string): ObservedModel => {
    const labels = { gen_ai_operation_name: OPERATIONS[kind], gen_ai_request_model: name }
    return {
      labels,
      duration: duration.labels(labels),
      input: tokens.labels({ ...labels, gen_ai_token_type: 'input' }),
      output: tokens.labels({ ...labels, gen_ai_token_type: 'output' }),
      ttft: ttft.labels(labels),
      perToken: perToken.labels(labels),
    }
  }
  /** As many as the label has values, for each kind. */
  const observed = new Map<string, ObservedModel>()
  const observedOf = ({ kind, model: asked }: RequestEvent): ObservedModel => {
    const name = model(asked)
    const key = `${kind} ${name}`
    const known = observed.get(key) ?? observedModel(kind, name)
    observed.set(key, known)
    return known
  }
  const extraInput = extra.labels({ gen_ai_token_type: 'input' })
  const extraOutput = extra.labels({ gen_ai_token_type: 'output' })
  const observe = (event: RequestEvent): void => {
    const { outcome, usage, ttftMs, durationMs, cost, exact } = event
    const seen = observedOf(event)
    requests.inc({ ...seen.labels, outcome })
    if (outcome === 'answered') seen.duration.observe(durationMs / 1_000)
    else duration.observe({ ...seen.labels, error_type: outcome }, durationMs / 1_000)
    if (usage !== undefined) {
      seen.input.observe(usage.promptTokens)
      seen.output.observe(usage.completionTokens)
    }
    if (ttftMs !== undefined) {
      seen.ttft.observe(ttftMs / 1_000)
      const after = (usage?.completionTokens ?? 0) - 1
      if (after > 0) seen.perToken.observe((durationMs - ttftMs) / 1_000 / after)
    }
    for (const attempt of event.attempts) {
      attempts.inc({ reason: attempt.reason, outcome: attempt.outcome })
      if (attempt.reason === 'hedge') hedges.inc()
      relayed.inc(attempt.relayedBytes ?? 0)
    }
    if (event.resumes > 0) resumes.inc({ exact: String(exact) }, event.resumes)
    extraInput.inc(cost.promptTokens)
    extraOutput.inc(cost.completionTokens)
  }
  const unobserve = client.observe(observe)
  const wait = waits.labels({})
  const gap = gaps.labels({})
  return {
    text: async () => await registry.metrics(),
    contentType: registry.contentType,
    answered: (route, status) => http.inc({ route, status: String(status) }),
    queued: (ms) => wait.observe(ms / 1_000),
    gap: (ms) => gap.observe(ms / 1_000),
    close: unobserve,
  }
}

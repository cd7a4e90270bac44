import { Counter, Histogram, Registry } from 'prom-client'
import type { Node, ServedRequest } from '../../node/index.ts'
import { readWhenScraped } from './gauges.ts'
import { addHostMetrics } from './host-metrics.ts'

const STATES = ['loading', 'ready', 'saturated', 'draining'] as const
const TTFT_S = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

/** Metrics of a node: what it serves, how busy it is, how requests ended. */
export class NodeMetrics {
  readonly registry: Registry = new Registry()
  readonly #requests: Counter
  readonly #tokens: Counter
  readonly #ttft: Histogram

  constructor() {
    const registers = [this.registry]
    this.#requests = new Counter({
      name: 'skein_node_requests_total',
      help: 'Requests that ended, by outcome: answered, or the code of the error',
      labelNames: ['outcome'],
      registers,
    })
    this.#tokens = new Counter({
      name: 'skein_node_tokens_total',
      help: 'Tokens of answered requests',
      labelNames: ['direction'],
      registers,
    })
    this.#ttft = new Histogram({
      name: 'skein_node_time_to_first_token_seconds',
      help: 'Time from a request’s arrival to its first token',
      buckets: TTFT_S,
      registers,
    })
  }

  /** For `NodeInit.onRequest`. */
  observe({ outcome, usage, ttftMs }: ServedRequest): void {
    this.#requests.inc({ outcome })
    if (ttftMs !== undefined) this.#ttft.observe(ttftMs / 1_000)
    if (usage === undefined) return
    this.#tokens.inc({ direction: 'input' }, usage.promptTokens)
    this.#tokens.inc({ direction: 'output' }, usage.completionTokens)
  }

  /** Adds what is read from the node itself. Once. */
  attach(node: Node, dataDir: string): void {
    const { gauge, state } = readWhenScraped(this.registry)
    addHostMetrics(this.registry, node.host, {
      dataDir,
      ownModels: () => node.models().map(({ id }) => id),
    })
    state('skein_node_state', 'Whether a request would be admitted', STATES, () => node.state())
    gauge('skein_node_models', 'Models served', () => node.models().length)
    gauge('skein_node_slots', 'Requests the engine works on at a time', () => node.load().slots)
    gauge('skein_node_in_flight', 'Requests running', () => node.load().inFlight)
    gauge('skein_node_queue_depth', 'Requests waiting for a slot', () => node.load().queueDepth)
    gauge('skein_node_expected_ttft_seconds', 'Predicted time to the first token', () => {
      return node.load().expectedTtftMs / 1_000
    })
  }
}

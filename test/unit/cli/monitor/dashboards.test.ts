import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { addHostMetrics, NodeMetrics } from '../../../../cli/monitor/index.ts'
import { createMetrics } from '../../../../gateway/metrics/index.ts'
import type { Host } from '../../../../host/index.ts'
import type { Node } from '../../../../node/index.ts'

const HOST = {
  libp2p: { getConnections: () => [] },
  book: {
    all: () => [
      { peerId: 'met', models: [{ id: 'a' }, { id: 'b' }] },
      { peerId: 'heard', models: [{ id: 'a' }] },
    ],
    acquaintance: (peer: string) => peer,
  },
  clock: () => ({ own: 'off', aheadMs: -1_500 }),
  relaying: () => ({ held: [] }),
  reachability: () => ({ status: 'lan' }),
} as unknown as Host

const NODE = {
  host: HOST,
  state: () => 'saturated',
  models: () => [{ id: 'a' }, { id: 'c' }],
  load: () => ({ slots: 4, inFlight: 3, queueDepth: 2, expectedTtftMs: 1_500 }),
} as unknown as Node

function createNodeMetrics(): NodeMetrics {
  const metrics = new NodeMetrics()
  metrics.attach(NODE, '.')
  return metrics
}

async function namesOfAll(): Promise<ReadonlySet<string>> {
  const gateway = createMetrics({
    observe: () => () => undefined,
    stats: () => ({ peers: {}, inFlight: 0, retryBudget: 0, resumeReserve: 0 }) as never,
  })
  const texts = [await createNodeMetrics().registry.metrics(), await gateway.text()]
  return new Set(
    texts.flatMap((text) => Array.from(text.matchAll(/^# TYPE (\w+)/gm), ([, name = '']) => name)),
  )
}

describe('metrics of a node', () => {
  it('tell its load, its state and how requests ended', async () => {
    const metrics = createNodeMetrics()
    const usage = { promptTokens: 5, completionTokens: 7 } as never
    metrics.observe({ peerId: 'p', outcome: 'answered', usage, ttftMs: 20, durationMs: 30 })
    metrics.observe({ peerId: 'p', outcome: 'over_capacity', durationMs: 1 })
    const text = await metrics.registry.metrics()
    for (const line of [
      'skein_node_requests_total{outcome="answered"} 1',
      'skein_node_requests_total{outcome="over_capacity"} 1',
      'skein_node_tokens_total{direction="output"} 7',
      'skein_node_time_to_first_token_seconds_bucket{le="0.025"} 1',
      'skein_node_state{state="saturated"} 1',
      'skein_node_state{state="ready"} 0',
      'skein_node_queue_depth 2',
      'skein_node_expected_ttft_seconds 1.5',
      'skein_reachability{state="lan"} 1',
      'skein_model_peers{gen_ai_request_model="a"} 2',
      'skein_model_peers{gen_ai_request_model="b"} 1',
      'skein_model_peers{gen_ai_request_model="c"} 1',
      'skein_clock{state="off"} 1',
      'skein_clock_ahead_seconds -1.5',
    ]) {
      expect(text).toContain(line)
    }
  })

  it('count what a relay has done, and not twice', async () => {
    const metrics = new NodeMetrics()
    const use = { bytes: 10, refused: 1, reservations: 2, circuits: 3 }
    const host = { ...HOST, relaying: () => ({ held: [], use }) } as never
    addHostMetrics(metrics.registry, host, { dataDir: '.' })
    await metrics.registry.metrics()
    use.bytes = 12
    expect(await metrics.registry.metrics()).toContain('skein_relay_bytes_total 12')
  })
})

const GRAFANA = fileURLToPath(new URL('../../../../docs/grafana', import.meta.url))
const hasPromtool = spawnSync('promtool', ['--version']).error === undefined

describe('dashboards and alert rules', () => {
  it.skipIf(!hasPromtool)('alert when they should, and not before, by Prometheus itself', () => {
    const output = execFileSync('promtool', ['test', 'rules', 'alerts.test.yaml'], { cwd: GRAFANA })
    expect(output.toString()).toContain('SUCCESS')
  })

  it('have a test for each alert', () => {
    const named = (file: string, key: string): Set<string> => {
      const text = readFileSync(`${GRAFANA}/${file}`, 'utf8')
      return new Set(
        Array.from(text.matchAll(new RegExp(`\\b${key}: (\\w+)`, 'g')), ([, name = '']) => name),
      )
    }
    const alerts = named('alerts.yaml', 'alert')
    expect(alerts.size).toBeGreaterThan(9)
    expect(named('alerts.test.yaml', 'alertname')).toEqual(alerts)
  })

  it('alert also when the series of a model ends with its last peer', () => {
    const text = readFileSync(
      new URL('../../../../docs/grafana/alerts.yaml', import.meta.url),
      'utf8',
    )
    expect(text).toMatch(
      /max_over_time\(skein_model_peers\[1h\]\)\) unless max by \(.*\) \(skein_model_peers\)/,
    )
  })

  it.each(['skein-node.json', 'skein-swarm.json', 'alerts.yaml'])(
    '%s asks for metrics that exist',
    async (file) => {
      const text = readFileSync(
        new URL(`../../../../docs/grafana/${file}`, import.meta.url),
        'utf8',
      )
      const queries = Array.from(text.matchAll(/expr"?: .*/g), ([line]) => line)
      const asked = queries.flatMap((line) => line.match(/\bskein_\w+/g) ?? [])
      const names = await namesOfAll()
      expect(asked.length).toBeGreaterThan(5)
      for (const name of asked) expect(names).toContain(name.replace(/_bucket$/, ''))
    },
  )
})

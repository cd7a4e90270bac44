import type { Policy, RequestEvent } from '../client/index.ts'
import { counting } from '../testing/chaos/watch.ts'
import type { SwarmClient } from '../testing/swarms/chaos-swarm.ts'
import { BenchSwarm } from './bench-swarm.ts'
import type { TimedEngine } from './peer-process.ts'
import { percentile, type Report, round } from './report.ts'
import { TIMED_MODEL } from './timed-engine.ts'

const PROCESSES = 4
const NODES_EACH = 5
const PREFILL_MS = 50
const SLOW = { share: 0.05, factor: 20 } as const
const SLOW_MS = PREFILL_MS * SLOW.factor
/** Concurrent requests per policy: far below the nodes' capacity. */
const AT_ONCE = 2
/** Warm-up requests per policy: a hedge needs the usual latency. */
const WARM_UP = 200
const POLICIES = ['single', 'hedge'] as const satisfies readonly Policy[]

/** TTFT with and without a hedge if one request in twenty is slow. */
export async function hedge(quick: boolean): Promise<Report> {
  await using swarm = await BenchSwarm.create()
  for (let process = 0; process < PROCESSES; process++) {
    const slow = { ...SLOW, seed: 1_000 * (process + 1) }
    const engine: TimedEngine = { type: 'plain', slots: 8, paceMs: 5, prefillMs: PREFILL_MS, slow }
    await swarm.nodes(NODES_EACH, engine)
  }
  const events = await ask(swarm, quick ? 400 : 4_000)
  const base = percentile(ttfts(events.single), 0.99)
  const rows = POLICIES.map((policy) => {
    const times = ttfts(events[policy])
    const { answered, asked, failed } = tally(events[policy])
    return {
      policy,
      requests: asked,
      'TTFT p50 ms': round(percentile(times, 0.5)),
      'p95 ms': round(percentile(times, 0.95)),
      'p99 ms': round(percentile(times, 0.99)),
      'p99.9 ms': round(percentile(times, 0.999)),
      'p99 ratio': round(base / percentile(times, 0.99)),
      'extra attempts %': round(100 * extraAttempts(answered)),
      'extra tokens %': round(100 * extraTokens(answered)),
      'extra engine time %': round(100 * extraTime(answered)),
      'slow firsts %': round(100 * slowFirsts(answered)),
      'requests failed': failed,
    }
  })
  return {
    title: `${PROCESSES * NODES_EACH} nodes; a request is ${SLOW.factor} times as slow to begin with probability ${SLOW.share}, drawn at the node`,
    rows,
    notes: [
      'Both policies alternate on the same nodes, each with its own client that has learned the usual latency.',
      'Extra attempts: beyond one per request. Extra tokens: prompt and completion tokens beyond those delivered. Extra engine time: of attempts that lost to another.',
      'Goal: p99 three times better for 5 % more.',
    ],
  }
}

type Events = Readonly<Record<(typeof POLICIES)[number], readonly RequestEvent[]>>

async function ask(swarm: BenchSwarm, count: number): Promise<Events> {
  await using single = await swarm.client({ policy: 'single' })
  await using hedged = await swarm.client({ policy: 'hedge' })
  const events = { single: [] as RequestEvent[], hedge: [] as RequestEvent[] }
  let index = -WARM_UP
  const worker = async (): Promise<void> => {
    while (index < count) {
      const turn = index++
      const one = await eventOf(single, turn)
      const other = await eventOf(hedged, turn)
      if (turn < 0) continue
      events.single.push(one)
      events.hedge.push(other)
    }
  }
  await Promise.all(Array.from({ length: 2 * AT_ONCE }, worker))
  return events
}

async function eventOf({ requester }: SwarmClient, index: number): Promise<RequestEvent> {
  const { prompt } = counting(1 + Math.abs(index), 4 + Math.abs(index))
  const messages = [{ role: 'user', content: prompt }]
  const answer = requester.streamChat({ model: TIMED_MODEL, messages, temperature: 0 })
  try {
    for await (const _ of answer);
  } catch {
    // The event says so.
  }
  if (answer.event === undefined) throw new Error('a request ended without its event')
  return answer.event
}

function tally(events: readonly RequestEvent[]) {
  const answered = events.filter(({ outcome }) => outcome === 'answered')
  return { answered, asked: events.length, failed: events.length - answered.length }
}

function ttfts(events: readonly RequestEvent[]): number[] {
  return events.flatMap(({ ttftMs }) => (ttftMs === undefined ? [] : [ttftMs]))
}

function extraAttempts(events: readonly RequestEvent[]): number {
  return sum(events, ({ cost }) => cost.attempts) / events.length
}

/** As drawn, or called off; what the machine did is in it, too. */
function slowFirsts(events: readonly RequestEvent[]): number {
  const slow = events.filter(({ attempts }) =>
    attempts.some(
      ({ reason, outcome, ttftMs }) =>
        reason === 'first' && (outcome === 'superseded' || (ttftMs ?? 0) >= SLOW_MS),
    ),
  )
  return slow.length / events.length
}

function extraTokens(events: readonly RequestEvent[]): number {
  const extra = sum(events, ({ cost }) => cost.promptTokens + cost.completionTokens)
  return (
    extra / sum(events, ({ usage }) => (usage?.promptTokens ?? 0) + (usage?.completionTokens ?? 0))
  )
}

function extraTime(events: readonly RequestEvent[]): number {
  const attempts = events.flatMap(({ attempts: all }) => all)
  const left = attempts.filter(({ outcome }) => outcome !== 'answered')
  const kept = attempts.filter(({ outcome }) => outcome === 'answered')
  return sum(left, ({ durationMs }) => durationMs) / sum(kept, ({ durationMs }) => durationMs)
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0)
}

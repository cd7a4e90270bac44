import { setTimeout as delay } from 'node:timers/promises'
import type { RequestEvent } from '../../client/index.ts'
import { counting } from '../../testing/chaos/watch.ts'
import { Random, VirtualClock } from '../../testing/index.ts'
import type { SwarmClient } from '../../testing/swarms/chaos-swarm.ts'
import { BenchSwarm } from '../bench-swarm.ts'
import { percentile } from '../report.ts'
import { TIMED_MODEL } from '../timed-engine.ts'
import type { Outcome } from './outcome.ts'
import { SimClient } from './sim-client.ts'
import { World } from './world.ts'

/** The same swarm for both: 20 nodes in 4 processes, one of which is killed half-way. */
const PROCESSES = 4
const NODES_EACH = 5
const ENGINE = { slots: 2, paceMs: 25, prefillMs: 200 } as const
const EVERY_MS = 150
const WARM_UP = 100
/** Through the loopback interface, two processes on a busy machine. */
const RTT_MS = 4
/** Prompt tokens that both take for granted: the engine's prefill takes the same time for all. */
const PROMPT_TOKENS = 40

/** What either came to. */
export interface Side {
  readonly answered: number
  readonly requests: number
  readonly ttftP50Ms: number
  readonly ttftP95Ms: number
  readonly totalP50Ms: number
  readonly attempts: number
  /** Answers that went on elsewhere when their peer died. */
  readonly resumed: number
}

/** One scenario, with real processes and in the simulator. */
export async function compareWithReality(
  count: number,
): Promise<{ readonly real: Side; readonly simulated: Side }> {
  const events = await reality(count)
  const real = {
    requests: events.length,
    answered: events.filter(({ outcome }) => outcome === 'answered').length,
    ttftP50Ms: percentile(
      events.map(({ ttftMs = 0 }) => ttftMs),
      0.5,
    ),
    ttftP95Ms: percentile(
      events.map(({ ttftMs = 0 }) => ttftMs),
      0.95,
    ),
    totalP50Ms: percentile(
      events.map(({ durationMs }) => durationMs),
      0.5,
    ),
    attempts: mean(events.map(({ attempts }) => attempts.length)),
    resumed: events.filter(({ attempts }) => attempts.some(({ reason }) => goesOn(reason))).length,
  }
  const tokens = events.map(({ usage }) => Math.max(1, usage?.completionTokens ?? 1))
  return { real, simulated: await simulation(tokens) }
}

const goesOn = (reason: string): boolean => reason === 'resume' || reason === 'stall'

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length

/** Time from one request to the next, in milliseconds: the same sequence on both sides, of which nothing else draws. */
function arrivalsOfBoth(): () => number {
  const random = new Random(7)
  return () => random.exponential(EVERY_MS)
}

async function reality(count: number): Promise<readonly RequestEvent[]> {
  await using swarm = await BenchSwarm.create()
  const processes = []
  for (let n = 0; n < PROCESSES; n += 1) {
    processes.push(await swarm.nodes(NODES_EACH, { type: 'plain', ...ENGINE }))
  }
  await using client = await swarm.client({ verify: 'off', affinity: false })
  const arrivals = arrivalsOfBoth()
  const running: Promise<RequestEvent>[] = []
  for (let n = -WARM_UP; n < count; n += 1) {
    if (n === Math.floor(count / 2)) processes[0]?.kill()
    const event = ask(client, n)
    if (n >= 0) running.push(event)
    await delay(arrivals())
  }
  return await Promise.all(running)
}

async function ask({ requester }: SwarmClient, n: number): Promise<RequestEvent> {
  const { prompt } = counting(1 + Math.abs(n), 30 + Math.abs(n))
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

async function simulation(tokens: readonly number[]): Promise<Side> {
  const time = new VirtualClock()
  const arrivals = arrivalsOfBoth()
  const world = new World(time, new Random(8), { near: RTT_MS, far: RTT_MS })
  for (let n = 0; n < PROCESSES * NODES_EACH; n += 1) {
    world.add({
      subnet: '127.0.0',
      slots: ENGINE.slots,
      prefillRate: (1_000 * PROMPT_TOKENS) / ENGINE.prefillMs,
      decodeRate: 1_000 / ENGINE.paceMs,
    })
  }
  const client = new SimClient(world, { name: 'client', without: ['audits'] })
  const outcomes: Outcome[] = []
  let left = tokens.length
  const send = (n: number): void => {
    if (n === Math.floor(tokens.length / 2)) {
      for (const peer of world.peers.slice(0, NODES_EACH)) peer.die()
    }
    const answerTokens = tokens[Math.max(0, n)] ?? 1
    client.request({ promptTokens: PROMPT_TOKENS, answerTokens }, (outcome) => {
      if (n < 0) return
      outcomes.push(outcome)
      left -= 1
    })
    if (n + 1 < tokens.length) time.after(arrivals(), () => send(n + 1))
  }
  send(-WARM_UP)
  while (left > 0) await time.run(time.now() + 1_000)
  client.router.close()
  return {
    requests: outcomes.length,
    answered: outcomes.filter(({ code }) => code === 'answered').length,
    ttftP50Ms: percentile(
      outcomes.map(({ ttftMs }) => ttftMs),
      0.5,
    ),
    ttftP95Ms: percentile(
      outcomes.map(({ ttftMs }) => ttftMs),
      0.95,
    ),
    totalP50Ms: percentile(
      outcomes.map(({ totalMs }) => totalMs),
      0.5,
    ),
    attempts: mean(outcomes.map(({ attempts }) => attempts)),
    resumed: outcomes.filter(({ resumes }) => resumes > 0).length,
  }
}

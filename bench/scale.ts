import type { Backend } from '../backend/index.ts'
import { InferenceError, parseRequest } from '../protocol/index.ts'
import { closedLoop } from '../testing/chaos/arrivals.ts'
import { counting } from '../testing/chaos/watch.ts'
import { BenchSwarm } from './bench-swarm.ts'
import type { TimedEngine } from './peer-process.ts'
import { type Report, round } from './report.ts'
import { createTimedEngine, TIMED_MODEL } from './timed-engine.ts'

/** Fifty tokens a second a node: sixteen nodes on two cores are far from busy. */
export const ENGINE: TimedEngine = { type: 'steady', slots: 2, paceMs: 40 }
/** An answer: 48 tokens. */
const NUMBERS = 24
/** Requests for each slot: when one ends, the next is already waiting. */
const PER_SLOT = 2
/** Until the slots are taken and the first answers have ended. */
const FILLING_MS = 4_000
const PROCESSES = 4

/** Tokens a second over all nodes, against as many engines asked directly. */
export async function scale(quick: boolean): Promise<Report> {
  const rows: Record<string, string | number>[] = []
  const measuredMs = quick ? 6_000 : 15_000
  for (const count of quick ? [1, 4] : [1, 2, 4, 8, 16]) {
    const direct = await directly(measuredMs)
    const { perSecond, extra, requests, failed } = await through(count, measuredMs)
    rows.push({
      nodes: count,
      'one engine directly tok/s': round(direct),
      'sum tok/s': round(count * direct),
      'through Skein tok/s': round(perSecond),
      'of the sum %': round((100 * perSecond) / (count * direct)),
      'extra attempts %': round((100 * extra) / requests),
      'requests failed': failed,
    })
  }
  return {
    title: 'aggregate tokens a second through one client, every slot busy',
    rows,
    notes: [
      `Each engine gives a token every ${ENGINE.paceMs} ms in each of its ${ENGINE.slots} slots, in up to ${PROCESSES} processes; ${PER_SLOT} requests a slot are under way at a time.`,
      'Goal: 95 % of the sum. The loss is a slot that is idle while another node has a queue.',
    ],
  }
}

/** Counts tokens while switched on. */
class Meter {
  #tokens = 0
  #since = Number.POSITIVE_INFINITY
  #until = Number.POSITIVE_INFINITY

  constructor(measuredMs: number) {
    this.#since = performance.now() + FILLING_MS
    this.#until = this.#since + measuredMs
  }

  token(): void {
    const now = performance.now()
    if (now >= this.#since && now < this.#until) this.#tokens += 1
  }

  get perSecond(): number {
    return (1_000 * this.#tokens) / (this.#until - this.#since)
  }
}

/** Tokens a second of one engine that is asked directly and always has work. */
export async function directly(measuredMs: number): Promise<number> {
  await using engine = createTimedEngine(ENGINE, 0)
  const meter = new Meter(measuredMs)
  await closedLoop({
    atOnce: PER_SLOT * ENGINE.slots,
    durationMs: FILLING_MS + measuredMs,
    arrive: (index) => readDirectly(engine, index, meter),
  })
  return meter.perSecond
}

async function readDirectly(engine: Backend, index: number, meter: Meter): Promise<void> {
  const request = parseRequest('chat', chatOf(index))
  for await (const event of engine.infer(request)) {
    if (event.type === 'chunk' && hasText(event.json)) meter.token()
  }
}

interface Throughput {
  readonly perSecond: number
  readonly requests: number
  readonly failed: number
  /** Attempts beyond one a request. */
  readonly extra: number
}

async function through(count: number, measuredMs: number): Promise<Throughput> {
  await using swarm = await BenchSwarm.create()
  const processes = Math.min(count, PROCESSES)
  for (let process = 0; process < processes; process++) {
    await swarm.nodes(count / processes, ENGINE)
  }
  await using client = await swarm.client()
  const meter = new Meter(measuredMs)
  const found = { requests: 0, failed: 0, extra: 0 }
  await closedLoop({
    atOnce: PER_SLOT * ENGINE.slots * count,
    durationMs: FILLING_MS + measuredMs,
    arrive: async (index) => {
      const answer = client.requester.streamChat(chatOf(index))
      const whole = await readThrough(answer, meter)
      found.requests += 1
      found.failed += whole ? 0 : 1
      found.extra += answer.attempts.length - 1
    },
  })
  return { ...found, perSecond: meter.perSecond }
}

/** @returns whether the answer is whole */
async function readThrough(answer: AsyncIterable<unknown>, meter: Meter): Promise<boolean> {
  try {
    for await (const chunk of answer) if (hasText(chunk)) meter.token()
    return true
  } catch (error) {
    if (InferenceError.is(error)) return false
    throw error
  }
}

function chatOf(index: number) {
  const { prompt } = counting(1 + index, index + NUMBERS)
  return {
    model: TIMED_MODEL,
    messages: [{ role: 'user', content: prompt }],
    temperature: 0,
  } as const
}

function hasText(chunk: unknown): boolean {
  const { choices } = chunk as { choices: readonly { delta: { content?: string | null } }[] }
  return (choices[0]?.delta.content ?? '') !== ''
}

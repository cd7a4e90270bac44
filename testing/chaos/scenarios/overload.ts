import { ResumeReserve } from '../../../client/dispatch/budget/resume-reserve.ts'
import type { RequesterInit } from '../../../client/pipeline/settings.ts'
import { ProcessSwarm } from '../../swarms/chaos-swarm.ts'
import type { EngineInit } from '../../swarms/swarm-process.ts'
import { closedLoop, openLoop } from '../arrivals.ts'
import { counting, type Outcome, type Tally, Watch } from '../watch.ts'
export interface OverloadSize {
  readonly nodes: number
  readonly clients: number
  /** The peak is measured for so long. */
  readonly calmMs: number
  readonly overloadMs: number
  /** After it, at 0.8 of the capacity. */
  readonly afterMs: number
  /** `off`, the control: unlimited retries and hedges, and nodes admit everything. @default on */
  readonly protection?: 'on' | 'off'
}

export interface OverloadFindings extends Tally {
  /** Complete, correct answers within their deadline, per second: every slot busy, short queues. */
  readonly peak: number
  /** At three times the capacity. The first second fills the queues and is not counted. */
  readonly during: number
  /** Share of the requests of the last part of the calm afterwards that were answered. */
  readonly recovered: number
  /** Time from the end of the overload until 95 % of requests are answered again, for good. */
  readonly recoveryAfterMs: number
}

/** Ten tokens: an answer takes 200 ms of a slot. */
const ENGINE: EngineInit = { model: 'counter', slots: 2, paceMs: 20 }
const NUMBERS = 5
const SERVICE_MS = 2 * NUMBERS * ENGINE.paceMs
/** Ten answers' time. */
const DEADLINE_MS = 10 * SERVICE_MS
const FILLING_MS = 1_000
const BUCKET_MS = 1_000

/** Capacity is exact: slots over the time that an answer takes. */
function capacityOf(nodes: number): number {
  return (nodes * ENGINE.slots * 1_000) / SERVICE_MS
}

const WITHOUT_BUDGETS: RequesterInit = {
  budgets: {
    budget: { balance: 0, take: () => true, succeeded: () => {} },
    reserve: new ResumeReserve({ initial: 1e6, max: 1e6 }),
  },
  maxAttempts: 1_000,
}

/** Three times the capacity for a while, then 0.8 of it. */
export async function overload(size: OverloadSize): Promise<OverloadFindings> {
  const { protection = 'on' } = size
  await using swarm = await ProcessSwarm.create()
  const node = { engine: ENGINE, admission: protection }
  await Promise.all(Array.from({ length: size.nodes }, () => swarm.node(node)))
  const init = { timeoutMs: DEADLINE_MS, ...(protection === 'off' && WITHOUT_BUDGETS) }
  const clients = await Promise.all(Array.from({ length: size.clients }, () => swarm.client(init)))
  const watch = new Watch()
  const arrive = async (index: number): Promise<void> => {
    const question = counting(index + 1, index + NUMBERS)
    const messages = [{ role: 'user', content: question.prompt }]
    const requester = clients[index % clients.length]?.requester
    if (requester === undefined) throw new Error('no client')
    const answer = requester.streamChat({ model: ENGINE.model, messages, temperature: 0 })
    await watch.read(answer, question)
  }
  const capacity = capacityOf(size.nodes)
  const calmAt = performance.now()
  // More than there are slots, so that none waits for the next request.
  const atOnce = 3 * size.nodes * ENGINE.slots
  await closedLoop({ atOnce, durationMs: size.calmMs, arrive })
  const calm = watch.outcomes.length
  const peak = goodput(watch.outcomes, calmAt + FILLING_MS, calmAt + size.calmMs)
  const overloadAt = performance.now()
  const overloaded = openLoop({ perSecond: 3 * capacity, durationMs: size.overloadMs, arrive })
  await new Promise((resolve) => setTimeout(resolve, size.overloadMs))
  const afterAt = performance.now()
  const offset = calm + Math.ceil((3 * capacity * size.overloadMs) / 1_000)
  const after = openLoop({
    perSecond: 0.8 * capacity,
    durationMs: size.afterMs,
    arrive: (index) => arrive(index + offset),
  })
  await Promise.all([overloaded, after])
  const late = watch.outcomes.filter(({ startedAt }) => startedAt >= afterAt)
  return {
    ...watch.tally(),
    peak,
    during: goodput(watch.outcomes, overloadAt + FILLING_MS, afterAt),
    recovered: answeredShare(
      late.filter(({ startedAt }) => startedAt >= afterAt + size.afterMs / 2),
    ),
    recoveryAfterMs: recoveryAfter(late, afterAt, size.afterMs),
  }
}

function goodput(outcomes: readonly Outcome[], from: number, to: number): number {
  const good = outcomes.filter(
    ({ verdict, startedAt, endedAt }) =>
      verdict === 'exact' && endedAt - startedAt <= DEADLINE_MS && endedAt >= from && endedAt < to,
  )
  return (good.length * 1_000) / (to - from)
}

function answeredShare(outcomes: readonly Outcome[]): number {
  return outcomes.filter(({ verdict }) => verdict === 'exact').length / outcomes.length
}

/** By the second in which requests came: the first from which on 95 % of the rest are answered. */
function recoveryAfter(outcomes: readonly Outcome[], fromMs: number, lengthMs: number): number {
  for (let at = 0; at < lengthMs; at += BUCKET_MS) {
    const rest = outcomes.filter(({ startedAt }) => startedAt >= fromMs + at)
    const next = rest.filter(({ startedAt }) => startedAt < fromMs + at + BUCKET_MS)
    if (answeredShare(rest) >= 0.95 && answeredShare(next) >= 0.95) return at
  }
  return Number.POSITIVE_INFINITY
}

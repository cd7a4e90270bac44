import { setTimeout as wait } from 'node:timers/promises'
import { ProcessSwarm } from '../../swarms/chaos-swarm.ts'
import type { EngineInit } from '../../swarms/swarm-process.ts'
import { openLoop } from '../arrivals.ts'
import { counting, type Outcome, type Tally, Watch } from '../watch.ts'

export interface SyncStormSize {
  readonly nodes: number
  /** Each calm and each stormy half takes so long. */
  readonly halfMs: number
  readonly perSecond: number
  /** All nodes advertise anew, and announce every key again, this often. */
  readonly everyMs: number
}

export interface SyncStormFindings extends Tally {
  readonly storms: number
  /** To the first piece, half of the requests at most, without the storm and in it. */
  readonly calmTtftMs: number
  readonly stormyTtftMs: number
}

const ENGINE: EngineInit = { model: 'counter', slots: 8, paceMs: 20 }
const NUMBERS = 10

/** All peers advertise at once, again and again, while requests keep coming. */
export async function syncStorm(size: SyncStormSize): Promise<SyncStormFindings> {
  await using swarm = await ProcessSwarm.create()
  await Promise.all(Array.from({ length: size.nodes }, () => swarm.node({ engine: ENGINE })))
  const { requester } = await swarm.client()
  const watch = new Watch()
  const arriving = openLoop({
    perSecond: size.perSecond,
    durationMs: 2 * size.halfMs,
    arrive: async (index) => {
      const question = counting(index + 1, index + NUMBERS)
      const messages = [{ role: 'user', content: question.prompt }]
      const answer = requester.streamChat({ model: ENGINE.model, messages, temperature: 0 })
      await watch.read(answer, question)
    },
  })
  const startedAt = performance.now()
  await wait(size.halfMs)
  let storms = 0
  for (; storms < size.halfMs / size.everyMs; storms += 1) {
    for (const node of swarm.nodes) node.advertise()
    await wait(size.everyMs)
  }
  await arriving
  const stormy = ({ startedAt: at }: Outcome): boolean => at >= startedAt + size.halfMs
  return {
    ...watch.tally(),
    storms,
    calmTtftMs: medianTtft(watch.outcomes.filter((outcome) => !stormy(outcome))),
    stormyTtftMs: medianTtft(watch.outcomes.filter(stormy)),
  }
}

function medianTtft(outcomes: readonly Outcome[]): number {
  const sorted = outcomes.flatMap(({ event }) => event?.ttftMs ?? []).sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

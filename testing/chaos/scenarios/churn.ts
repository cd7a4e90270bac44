import { setTimeout as wait } from 'node:timers/promises'
import { ProcessSwarm } from '../../swarms/chaos-swarm.ts'
import type { EngineInit } from '../../swarms/swarm-process.ts'
import { openLoop } from '../arrivals.ts'
import { counting, type Tally, Watch } from '../watch.ts'

export interface ChurnSize {
  readonly nodes: number
  readonly kills: number
  /** Interval at which a new node starts and a random one is killed; longer if a start takes longer. */
  readonly everyMs: number
  readonly perSecond: number
}

/** Thirty tokens, which take three seconds: a kill finds several answers under way. */
const ENGINE: EngineInit = { model: 'counter', slots: 4, paceMs: 100 }
const NUMBERS = 15

/** Nodes come and go by SIGKILL while requests keep coming. */
export async function churn(size: ChurnSize): Promise<Tally> {
  await using swarm = await ProcessSwarm.create()
  await Promise.all(Array.from({ length: size.nodes }, () => swarm.node({ engine: ENGINE })))
  const { requester } = await swarm.client()
  const watch = new Watch()
  const over = new AbortController()
  const arriving = openLoop({
    perSecond: size.perSecond,
    until: over.signal,
    arrive: async (index) => {
      const question = counting(index + 1, index + NUMBERS)
      const messages = [{ role: 'user', content: question.prompt }]
      const answer = requester.streamChat({ model: ENGINE.model, messages, temperature: 0 })
      await watch.read(answer, question)
    },
  })
  try {
    for (let kill = 0; kill < size.kills; kill += 1) {
      await Promise.all([wait(size.everyMs), swarm.node({ engine: ENGINE })])
      const victim = swarm.nodes[Math.floor(Math.random() * swarm.nodes.length)]
      if (victim === undefined) throw new Error('no node is left')
      watch.lost(victim.peerId)
      await victim.kill()
    }
  } finally {
    over.abort()
    await arriving
  }
  return watch.tally()
}

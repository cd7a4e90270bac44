import { setTimeout as wait } from 'node:timers/promises'
import { ProcessSwarm } from '../../fixtures/chaos-swarm.ts'
import type { EngineInit } from '../../fixtures/swarm-process.ts'
import { openLoop } from '../arrivals.ts'
import { counting, type Tally, Watch } from '../watch.ts'

export interface ChurnSize {
  readonly nodes: number
  readonly durationMs: number
  /** A random node is killed, and a new one started, this often. */
  readonly killEveryMs: number
  readonly perSecond: number
}

/** Thirty tokens, which take three seconds: a kill finds several answers under way. */
const ENGINE: EngineInit = { model: 'counter', slots: 4, paceMs: 100 }
const NUMBERS = 15

/** Nodes come and go by SIGKILL while requests keep coming. */
export async function churn(size: ChurnSize): Promise<Tally & { readonly kills: number }> {
  await using swarm = await ProcessSwarm.create()
  await Promise.all(Array.from({ length: size.nodes }, () => swarm.node({ engine: ENGINE })))
  const { requester } = await swarm.client()
  const watch = new Watch()
  const over = new AbortController()
  const arriving = openLoop({
    ...size,
    arrive: async (index) => {
      const question = counting(index + 1, index + NUMBERS)
      const messages = [{ role: 'user', content: question.prompt }]
      const answer = requester.streamChat({ model: ENGINE.model, messages, temperature: 0 })
      await watch.read(answer, question)
    },
  }).finally(() => over.abort())
  let kills = 0
  const starting: Promise<unknown>[] = []
  while (!over.signal.aborted) {
    await wait(size.killEveryMs, undefined, { signal: over.signal }).catch(() => {})
    if (over.signal.aborted) break
    const victim = swarm.nodes[Math.floor(Math.random() * swarm.nodes.length)]
    if (victim === undefined) throw new Error('no node is left')
    watch.lost(victim.peerId)
    await victim.kill()
    kills += 1
    starting.push(swarm.node({ engine: ENGINE }))
  }
  await arriving
  await Promise.all(starting)
  return { ...watch.tally(), kills }
}

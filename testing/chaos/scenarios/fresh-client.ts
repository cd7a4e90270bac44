import { ProcessSwarm } from '../../swarms/chaos-swarm.ts'
import type { EngineInit } from '../../swarms/swarm-process.ts'
import { counting, type Tally, Watch } from '../watch.ts'

const ENGINE: EngineInit = { model: 'counter', slots: 4, paceMs: 40 }
/** The serving peer is killed when the caller has so many numbers: at the very first, and twice later. */
const KILLED_AT = [1, 8, 15] as const

/** A new client; the serving peer of its first request is killed three times. */
export async function freshClient(size: {
  readonly clients: number
}): Promise<Tally & { readonly kills: number }> {
  const watch = new Watch()
  let kills = 0
  for (let one = 0; one < size.clients; one += 1) kills += await oneClient(watch)
  return { ...watch.tally(), kills }
}

async function oneClient(watch: Watch): Promise<number> {
  await using swarm = await ProcessSwarm.create()
  const nodes = Array.from({ length: KILLED_AT.length + 1 }, () => swarm.node({ engine: ENGINE }))
  await Promise.all(nodes)
  const { requester } = await swarm.client()
  const question = counting(1, 25)
  const messages = [{ role: 'user', content: question.prompt }]
  const request = { model: ENGINE.model, messages, temperature: 0 }
  const dying: Promise<void>[] = []
  await watch.read(requester.streamChat(request), question, (text, peerId) => {
    const due = KILLED_AT[dying.length]
    const seen = text.match(/\d+(?=,)/g)?.length ?? 0
    const serving = swarm.nodes.find((node) => node.peerId === peerId)
    if (due === undefined || seen < due || serving === undefined) return
    watch.lost(peerId)
    dying.push(serving.kill())
  })
  await Promise.all(dying)
  return dying.length
}

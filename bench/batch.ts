import { type BatchRequest, type Client, createClient } from '../client/index.ts'
import { counting } from '../testing/chaos/watch.ts'
import { BenchSwarm } from './bench-swarm.ts'
import { type Report, round } from './report.ts'
import { directly, ENGINE } from './scale.ts'
import { TIMED_MODEL } from './timed-engine.ts'

/** Answers of 20 to 76 tokens: the requests of a batch differ in length. */
const MIN_NUMBERS = 10
const NUMBERS_SPREAD = 29
const PROCESSES = 4
const FOUND_MS = 30_000

/** A batch over 1 to 8 nodes, against as many engines asked directly. */
export async function batch(quick: boolean): Promise<Report> {
  const rows: Record<string, string | number>[] = []
  const perSlot = quick ? 8 : 40
  for (const count of quick ? [1, 4] : [1, 2, 4, 8]) {
    const direct = await directly(quick ? 6_000 : 15_000)
    const { tokens, seconds, failed, requests } = await through(count, perSlot)
    rows.push({
      nodes: count,
      requests,
      'one engine directly tok/s': round(direct),
      'sum tok/s': round(count * direct),
      'batch tok/s': round(tokens / seconds),
      'of the sum %': round((100 * tokens) / seconds / (count * direct)),
      failed,
    })
  }
  return {
    title: 'a batch from its first request to its last result, against the sum of the engines',
    rows,
    notes: [
      `Each engine gives a token every ${ENGINE.paceMs} ms in each of its ${ENGINE.slots} slots; ${perSlot} requests a slot, of 20 to 76 tokens each.`,
      'Goal: 95 % of the sum, including the last answers, when not all slots are needed.',
    ],
  }
}

interface Outcome {
  readonly tokens: number
  readonly seconds: number
  readonly requests: number
  readonly failed: number
}

async function through(count: number, perSlot: number): Promise<Outcome> {
  await using swarm = await BenchSwarm.create()
  const processes = Math.min(count, PROCESSES)
  for (let process = 0; process < processes; process++) {
    await swarm.nodes(count / processes, ENGINE)
  }
  await using client = await createClient({ bootstrap: swarm.addresses })
  await found(client, count)
  const requests = Array.from({ length: count * ENGINE.slots * perSlot }, (_, index) =>
    requestOf(index),
  )
  const startedAt = performance.now()
  let tokens = 0
  let failed = 0
  for await (const { answer } of client.batch(requests)) {
    if (answer?.object === 'chat.completion') tokens += answer.usage.completion_tokens
    else failed += 1
  }
  const seconds = (performance.now() - startedAt) / 1_000
  return { tokens, seconds, requests: requests.length, failed }
}

async function found(client: Client, count: number): Promise<void> {
  const deadline = performance.now() + FOUND_MS
  while (performance.now() < deadline) {
    const models = await client.models().catch(() => [])
    if (models[0]?.peers.length === count) return
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  throw new Error(`not all ${count} nodes were found within ${FOUND_MS} ms`)
}

function requestOf(index: number): BatchRequest {
  const numbers = MIN_NUMBERS + ((index * 11) % NUMBERS_SPREAD)
  const { prompt } = counting(1 + index, index + numbers)
  const messages = [{ role: 'user', content: prompt }] as const
  return { id: String(index), kind: 'chat', body: { model: TIMED_MODEL, messages, temperature: 0 } }
}

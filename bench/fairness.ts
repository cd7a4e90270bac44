import { RequestQueue } from '../gateway/queue/index.ts'
import { Random, VirtualClock } from '../testing/index.ts'
import { percentile, type Report, round } from './report.ts'

const SLOTS = 4
const SERVICE_MS = 1_000
/** Keys beside the one that floods. */
const KEYS = 10
/** Of what the slots can serve: all eleven keys together, each with its share, in the run without a flood. */
const LOAD = 0.95
const FLOODS = [1, 10, 100]

/**
 * What a key that floods adds to the waits of ten others, by the gateway's queue in virtual time. Requests arrive by
 * chance (Poisson), at a load where each of eleven keys may have its share.
 */
export async function fairness(quick: boolean): Promise<Report> {
  const seconds = quick ? 600 : 6_000
  const rows = []
  for (const turns of ['by key', 'first come, first served'] as const) {
    let calm = Number.NaN
    for (const flood of FLOODS) {
      const waits = await waitsOf({ seconds, flood, isFair: turns === 'by key' })
      const mean = waits.reduce((sum, wait) => sum + wait, 0) / waits.length
      if (flood === 1) calm = mean
      rows.push({
        turns,
        'the key sends': `${flood} × its share`,
        'others wait (mean, s)': round(mean / 1_000),
        'p99 (s)': round(percentile(waits, 0.99) / 1_000),
        ratio: round(mean / calm),
      })
    }
  }
  return {
    title: `waits of ${KEYS} keys beside one that floods; ${seconds} s of virtual time, ${SLOTS} slots`,
    rows,
    notes: [
      'goal: a key that floods adds a tenth at most to the waits of others under load',
      'first come, first served is the control: the queue with one key for all',
    ],
  }
}

interface Scene {
  readonly seconds: number
  readonly flood: number
  readonly isFair: boolean
}

/** Waits of the keys that do not flood, in ms. */
async function waitsOf({ seconds, flood, isFair }: Scene): Promise<number[]> {
  const clock = new VirtualClock()
  const maxQueued = 256
  const queue = new RequestQueue({
    ...{ maxQueued: 100 * maxQueued, maxQueuedPerKey: isFair ? maxQueued : 100 * maxQueued },
    // The queue sends two requests for each slot; here each of them is one that is served.
    slots: () => SLOTS / 2,
    clock,
  })
  const waits: number[] = []
  const ask = async (key: string): Promise<void> => {
    const enteredAt = clock.now()
    const deadlineAtMs = Number.POSITIVE_INFINITY
    const turn = await queue
      .enter({ model: 'm', key: isFair ? key : '', deadlineAtMs })
      .catch(() => undefined)
    if (turn === undefined) return
    if (key !== 'flood') waits.push(clock.now() - enteredAt)
    clock.after(SERVICE_MS, () => turn.leave())
  }
  const shareMs = (SERVICE_MS * (KEYS + 1)) / (SLOTS * LOAD)
  const arrive = (key: string, meanMs: number, random: () => number): void => {
    clock.after(-Math.log(1 - random()) * meanMs, () => {
      void ask(key)
      arrive(key, meanMs, random)
    })
  }
  for (let index = 0; index < KEYS; index += 1) {
    const { next } = new Random(index + 1)
    arrive(`key-${index}`, shareMs, next)
  }
  arrive('flood', shareMs / flood, new Random(99).next)
  await clock.advance(seconds * 1_000)
  return waits
}

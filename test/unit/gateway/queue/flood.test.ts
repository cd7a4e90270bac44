import { expect, it } from 'vitest'
import { RequestQueue } from '../../../../gateway/queue/index.ts'
import { VirtualClock } from '../../../../testing/index.ts'

const SERVICE_MS = 1_000
const KEYS = Array.from({ length: 10 }, (_, index) => `key-${index}`)

/** Mean wait of each key's requests, where one key may have sent many before the others. */
async function meanWaits(flood: number): Promise<number[]> {
  const clock = new VirtualClock()
  const queue = new RequestQueue({ maxQueued: 1_000, maxQueuedPerKey: 500, slots: () => 1, clock })
  const waits = new Map<string, number[]>()
  const ask = async (key: string): Promise<void> => {
    const enteredAt = clock.now()
    const turn = await queue.enter({ model: 'm', key, deadlineAtMs: Number.POSITIVE_INFINITY })
    waits.set(key, [...(waits.get(key) ?? []), clock.now() - enteredAt])
    clock.after(SERVICE_MS, () => turn.leave())
  }
  const asked = Array.from({ length: flood }, () => ask('flood'))
  for (let round = 0; round < 12; round += 1) asked.push(...KEYS.map((key) => ask(key)))
  await clock.advance((flood + 200) * SERVICE_MS)
  await Promise.all(asked)
  return KEYS.map((key) => {
    const own = waits.get(key) ?? []
    return own.reduce((sum, wait) => sum + wait, 0) / own.length
  })
}

it('a key that floods adds at most a tenth to the waits of ten others', async () => {
  const calm = await meanWaits(12)
  const flooded = await meanWaits(400)
  for (const [index, wait] of flooded.entries()) {
    expect(wait).toBeGreaterThan(0)
    expect(wait / (calm[index] ?? 0)).toBeLessThanOrEqual(1.1)
  }
  // Without turns by key all of the flood, which came first, would be served first.
  const total = (waits: readonly number[]): number => waits.reduce((sum, wait) => sum + wait, 0)
  const alone = await meanWaits(0)
  expect(total(flooded) / total(alone)).toBeLessThan(1.2)
})

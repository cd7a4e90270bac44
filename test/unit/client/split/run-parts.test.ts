import { expect, it } from 'vitest'
import { runParts } from '../../../../client/split/run-parts.ts'
import { WorkQueue } from '../../../../client/split/work-queue.ts'
import { InferenceError } from '../../../../protocol/index.ts'
import { VirtualClock } from '../../../../testing/index.ts'

const PARTS = 20
const PART_MS = 25

function work(): void {
  const startedMs = performance.now()
  while (performance.now() - startedMs < PART_MS);
}

it.each([
  ['are answered', async () => work()],
  [
    'fail',
    async () => {
      work()
      throw new InferenceError('no_peers', 'none')
    },
  ],
])('lets others have their turns while parts that wait for nothing %s', async (_, run) => {
  const queue = new WorkQueue({ slots: () => 1, maxTries: 1, copies: false, random: () => 0 })
  queue.add(Array(PARTS).keys())
  queue.close()
  let turns = 0
  const over = new AbortController()
  const count = (): void => {
    turns += 1
    if (!over.signal.aborted) setImmediate(count)
  }
  setImmediate(count)
  const init = { queue, run, wasCrowded: () => false, clock: new VirtualClock() }
  let ended = 0
  for await (const _event of runParts(init, { signal: new AbortController().signal })) ended += 1
  over.abort()
  expect(ended).toBe(PARTS)
  expect(turns).toBeGreaterThan(PARTS / 3)
})

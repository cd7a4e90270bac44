import { expect, it } from 'vitest'
import { runAttack, startTarget } from '../../bench/attack/run-attack.ts'

/** The rest, and their latencies, are `npm run attack`'s. */
const SHORT = [
  'announced bodies',
  'withheld heads',
  'forms of many parts',
  'silent sockets at the node',
]

it('honest callers are answered during attacks', { timeout: 240_000 }, async () => {
  await using target = await startTarget()
  for (const name of SHORT) {
    const options = { durationMs: 1_000, everyMs: 500, deadlineMs: 50_000 }
    const { asked, answered, failures } = await runAttack(target, name, options)
    expect(failures, name).toEqual([])
    expect(answered).toBe(asked)
  }
})

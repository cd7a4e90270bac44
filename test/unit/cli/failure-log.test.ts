import { expect, it } from 'vitest'
import { createFailureLog } from '../../../cli/failure-log.ts'

it('logs each reason once a minute, and only faults of this machine', () => {
  const lines: string[] = []
  let nowMs = 0
  const take = createFailureLog({ log: (line) => lines.push(line), now: () => nowMs })
  const failed = {
    peerId: 'p',
    durationMs: 1,
    outcome: 'engine_failed',
    reason: 'refused\u001b[2J',
  } as const
  for (let count = 0; count < 5; count += 1) take(failed)
  take({ ...failed, outcome: 'invalid_request' })
  take({ ...failed, outcome: 'answered' })
  expect(lines).toEqual(['A request failed (engine_failed): refused'])
  nowMs = 60_000
  take(failed)
  take({ ...failed, reason: 'other' })
  expect(lines.slice(1)).toEqual([
    'A request failed (engine_failed): refused (and 4 times before)',
    'A request failed (engine_failed): other',
  ])
})

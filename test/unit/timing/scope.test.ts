import { expect, it } from 'vitest'
import { VirtualClock } from '../../../testing/index.ts'
import { openScope } from '../../../timing/index.ts'

it('names its deadline in whole milliseconds, also where it is what is left of another', async () => {
  const clock = new VirtualClock()
  using scope = openScope({ timeoutMs: 19_999.668596000003, clock })
  await clock.advance(20_000)
  expect(scope.signal.reason).toMatchObject({
    code: 'deadline_exceeded',
    message: 'no complete answer within 20000 ms',
  })
})

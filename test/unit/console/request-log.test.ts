import { expect, it } from 'vitest'
import type { RequestEvent, RunningRequest } from '../../../client/index.ts'
import { RequestLog } from '../../../console/request-log.ts'

it('drops the oldest that has ended, and none that runs', () => {
  let ended: (event: RequestEvent) => void = () => {}
  const running = [{ requestId: 'long' } as RunningRequest]
  const client = {
    observe: (listener: (event: RequestEvent) => void) => {
      ended = listener
      return () => {}
    },
    running: () => running,
  }
  const log = new RequestLog(client, () => {})
  log.readRunning()
  for (let n = 0; n < 2_500; n += 1) {
    ended({ requestId: `short-${n}` } as RequestEvent)
    log.readRunning()
  }
  const ids = log.views().map(({ requestId }) => requestId)
  expect(ids).toHaveLength(1_000)
  expect(ids.at(-1)).toBe('long')
  expect(ids[0]).toBe('short-2499')
})

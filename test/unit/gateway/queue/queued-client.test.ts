import { expect, it } from 'vitest'
import type { RequestOptions } from '../../../../client/index.ts'
import type { GatewayClient } from '../../../../gateway/gateway-client.ts'
import { queuedClient, type RequestQueue } from '../../../../gateway/queue/index.ts'
import { InferenceError } from '../../../../protocol/index.ts'
import { VirtualClock } from '../../../../testing/index.ts'

/** What a request gets whose turn comes after `waitMs` of its 9 s. The client ends each at its time limit. */
async function outcome(waitMs: number): Promise<{ error: unknown; given: number[] }> {
  const clock = new VirtualClock()
  const given: number[] = []
  const client = {
    chat: async (_: object, { timeoutMs = 0 }: RequestOptions) => {
      given.push(timeoutMs)
      throw new InferenceError('deadline_exceeded', `no complete answer within ${timeoutMs} ms`)
    },
  } as unknown as GatewayClient
  const queue: Pick<RequestQueue, 'enter'> = {
    enter: async () => {
      await clock.advance(waitMs)
      return { answered: () => {}, again: async () => {}, leave: () => {} }
    },
  }
  const request = { model: 'm', messages: [{ role: 'user' as const, content: 'hi' }] }
  const error: unknown = await queuedClient(client, queue, clock)
    .chat(request, { timeoutMs: 9_000 })
    .catch((thrown: unknown) => thrown)
  return { error, given }
}

it.each([
  [0, 'no complete answer within 9000 ms', [9_000]],
  [8_988, 'within 9000 ms: the request waited for its turn for 8988 ms', [12]],
  // No time is left: the peers are not asked, and the caller's request is not called invalid.
  [9_000, 'within 9000 ms: the request waited for its turn for 9000 ms', []],
])('reports the limit of the caller after a wait of %i ms', async (waitMs, message, given) => {
  const result = await outcome(waitMs)
  expect(result.given).toEqual(given)
  expect(result.error).toMatchObject({
    code: 'deadline_exceeded',
    message: expect.stringContaining(message),
  })
})

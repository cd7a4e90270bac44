import { isAscii } from 'node:buffer'
import type { MiddlewareHandler } from 'hono'
import {
  ByteBudget,
  type JsonShape,
  parsedBytes,
  readingBytes,
  SMALL_CLAIM_BYTES,
} from '../../protocol/index.ts'
import type { GatewayEnv } from '../context.ts'

/** Streamed answers keep their request in memory until the end. */
const STREAMED = /^(text\/event-stream|application\/x-ndjson)/

/**
 * Bounds the memory of all bodies together, the values parsed from them included, from their first byte to the end of
 * the answer, with a share for each caller. What costs little is bounded by the number of connections.
 *
 * @throws InferenceError `over_capacity` while the body is read
 */
export function bodyMemory(maxBytes: number): MiddlewareHandler<GatewayEnv> {
  const budget = new ByteBudget(maxBytes)
  return async (c, next) => {
    const claim = budget.claim({ peer: c.get('requestId'), network: c.get('caller') })
    let heldBytes = 0
    let isWide = false
    let arrived: JsonShape | undefined
    c.set('memory', {
      charge(shape, piece) {
        isWide ||= !isAscii(piece)
        arrived = shape
        const cost = readingBytes(shape, isWide)
        if (cost <= SMALL_CLAIM_BYTES) return
        claim.grow(cost - heldBytes)
        heldBytes = cost
      },
    })
    try {
      await next()
    } finally {
      if (heldBytes > 0) {
        const { res } = c
        if (res.body !== null && STREAMED.test(res.headers.get('content-type') ?? '')) {
          if (arrived !== undefined) claim.shrink(heldBytes - sentBytes(arrived, isWide))
          c.res = undefined
          c.res = new Response(thenRun(res.body, claim.release), res)
        } else claim.release()
      }
    }
  }
}

/** Memory of a body that was sent: the values and the bytes, in case that another peer has to go on. */
function sentBytes(shape: JsonShape, isWide: boolean): number {
  return parsedBytes(shape) + shape.bytes * (isWide ? 2 : 1)
}

/** The same bytes; `run` is called when they end, fail or are cancelled. */
function thenRun(body: ReadableStream<Uint8Array>, run: () => void): ReadableStream<Uint8Array> {
  const reader = body.getReader()
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read()
          if (!done) return controller.enqueue(value)
          run()
          controller.close()
        } catch (error) {
          run()
          throw error
        }
      },
      async cancel(reason) {
        run()
        await reader.cancel(reason)
      },
    },
    { highWaterMark: 0 },
  )
}

import type { MiddlewareHandler } from 'hono'
import { ByteBudget, type Claim, SMALL_CLAIM_BYTES } from '../../protocol/index.ts'
import type { GatewayEnv } from '../context.ts'

/** Memory per byte of a body: the byte itself, and the values parsed from it. */
const COPIES = 2
/** Streamed answers keep their request in memory until the end. */
const STREAMED = /^(text\/event-stream|application\/x-ndjson)/

/**
 * Bounds the memory of all large bodies together, from their first byte to the end of the answer, with a share for
 * each caller. Small ones are bounded by the number of connections.
 *
 * @throws InferenceError `over_capacity` while the body is read
 */
export function bodyMemory(maxBytes: number): MiddlewareHandler<GatewayEnv> {
  const budget = new ByteBudget(maxBytes)
  return async (c, next) => {
    const announced = c.req.raw.headers.get('content-length')
    // Looking at the body would cost a stream.
    if (announced !== null && Number(announced) <= SMALL_CLAIM_BYTES) return await next()
    const { body, headers, method, signal, url } = c.req.raw
    if (body === null) return await next()
    const claim = budget.claim({ peer: c.get('requestId'), network: c.get('caller') })
    const init = { method, headers, signal, body: body.pipeThrough(counted(claim)), duplex: 'half' }
    c.req.raw = new Request(url, init as RequestInit)
    try {
      await next()
    } finally {
      const { res } = c
      if (res.body !== null && STREAMED.test(res.headers.get('content-type') ?? '')) {
        c.res = undefined
        c.res = new Response(thenRun(res.body, claim.release), res)
      } else claim.release()
    }
  }
}

function counted(claim: Claim): TransformStream<Uint8Array, Uint8Array> {
  return new TransformStream({
    transform(bytes, controller) {
      try {
        claim.grow(COPIES * bytes.byteLength)
        controller.enqueue(bytes)
      } catch (error) {
        controller.error(error)
      }
    },
  })
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

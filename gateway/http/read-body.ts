import type { Context } from 'hono'
import { InferenceError, JsonCounter, SMALL_CLAIM_BYTES } from '../../protocol/index.ts'
import type { GatewayEnv } from '../context.ts'
import { GatheredBytes } from './gathered-bytes.ts'
import { HttpRefusal } from './http-refusal.ts'

/**
 * The body of a request for JSON. Its values are counted and charged as they arrive, so that one with too many is
 * refused before its rest is read or parsed.
 *
 * @throws InferenceError `invalid_request` for too many values, `over_capacity` without memory for them; then the rest of
 *   the body is not read. HttpRefusal 413
 */
export async function readBody(c: Context<GatewayEnv>): Promise<Uint8Array<ArrayBuffer>> {
  const { raw: request } = c.req
  const memory = c.get('memory')
  const counter = new JsonCounter()
  const count = (piece: Uint8Array): void => {
    counter.add(piece)
    memory.charge(counter.shape, piece)
  }
  const announced = request.headers.get('content-length')
  // Looking at the body would cost a stream.
  const isSmall = announced !== null && Number(announced) <= SMALL_CLAIM_BYTES
  try {
    if (isSmall || request.body === null) {
      const bytes = new Uint8Array(await request.arrayBuffer())
      count(bytes)
      return bytes
    }
    const gathered = new GatheredBytes(announced === null ? undefined : Number(announced))
    // Leaving the loop cancels the body.
    for await (const piece of request.body) {
      count(piece)
      gathered.add(piece)
    }
    return gathered.bytes
  } catch (cause) {
    if (cause instanceof HttpRefusal || InferenceError.is(cause)) throw cause
    throw new InferenceError('invalid_request', 'the body has not arrived whole', { cause })
  }
}

import type { MiddlewareHandler } from 'hono'
import { InferenceError } from '../../protocol/index.ts'

/** Says how many gateways a request has come through; a node's engine calls say `node`. */
export const HOPS_HEADER = 'x-skein-hops'

/**
 * Ends loops: a node that shares a gateway would serve the swarm with the swarm itself, and gateways may name each
 * other as providers.
 */
export function hopLimit(maxHops: number): MiddlewareHandler {
  return async (c, next) => {
    const hops = c.req.header(HOPS_HEADER)
    if (hops === 'node') {
      throw new InferenceError(
        'invalid_request',
        'this is a Skein gateway, not an engine: a node that shares it would serve the swarm with the swarm itself',
      )
    }
    if (hops !== undefined && !(Number(hops) <= maxHops)) {
      throw new InferenceError(
        'invalid_request',
        `the request has come through more than ${maxHops} gateways, which looks like a loop`,
      )
    }
    await next()
  }
}

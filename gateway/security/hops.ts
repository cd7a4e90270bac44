import type { Context } from 'hono'
import { InferenceError } from '../../protocol/index.ts'

/** Number of gateways that a request has passed, or `node` for a node's calls of its engine. */
export const HOPS_HEADER = 'x-skein-hops'

/**
 * Breaks loops: a node that shares a gateway would serve the swarm with the swarm itself, and gateways may use each
 * other as providers.
 *
 * @returns throws InferenceError `invalid_request` for a request that has passed too many
 */
export function hopLimit(maxHops: number): (c: Context) => void {
  return (c) => {
    const hops = c.req.header(HOPS_HEADER)
    if (hops === 'node') {
      throw new InferenceError(
        'invalid_request',
        'this is a Skein gateway, not an engine: a node that shares it would serve the swarm with the swarm itself',
      )
    }
    if (hops !== undefined && !/^\d+$/.test(hops)) {
      throw new InferenceError(
        'invalid_request',
        `${HOPS_HEADER} is not a whole number from 0: gateways set it, so leave it out`,
        { details: { param: HOPS_HEADER } },
      )
    }
    if (hops !== undefined && Number(hops) > maxHops) {
      throw new InferenceError(
        'invalid_request',
        `the request has passed more than ${maxHops} gateways, probably in a loop`,
      )
    }
  }
}

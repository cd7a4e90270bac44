import type { MiddlewareHandler } from 'hono'
import { InferenceError } from '../../protocol/index.ts'

/**
 * Refuses requests for another name than the gateway's: a web page may have its own name point at this machine (DNS
 * rebinding), and its requests would then count as of the same origin.
 *
 * @param allowed names without port
 */
export function hostCheck(allowed: readonly string[]): MiddlewareHandler {
  const names = new Set(allowed.map((name) => name.toLowerCase()))
  return async (c, next) => {
    // A request may name another host in its first line than in its header.
    const asked = [c.req.header('host') ?? '', new URL(c.req.url).host].map(hostName)
    const name = asked.find((one) => !names.has(one))
    if (name !== undefined) {
      throw new InferenceError(
        'unauthorized',
        `this gateway is not '${name}': allow the name with --allow-host`,
      )
    }
    await next()
  }
}

/** A `Host` header without its port; addresses of IPv6 without their brackets. */
function hostName(header: string): string {
  const bracketed = /^\[([^\]]*)\]/.exec(header)?.[1]
  return (bracketed ?? header.replace(/:\d*$/, '')).toLowerCase()
}

import type { MiddlewareHandler } from 'hono'
import type { GatewayEnv } from './context.ts'
import type { GatewayLimits } from './defaults.ts'
import { bodyMemory, boundedRequest } from './http/index.ts'
import { hopLimit, type KeyRing, type RateLimit } from './security/index.ts'

/** Paths of requests with a body. */
const WITH_BODY = /^\/(v1|api)(\/|$)/
/** Its body is stored as it arrives, and may be longer. */
const FILES = '/v1/files'

export interface AdmittedInit {
  readonly keys: Pick<KeyRing, 'callerOf' | 'checkPath'>
  readonly rateLimit: Pick<RateLimit, 'request'>
  readonly limits: Pick<
    GatewayLimits,
    'maxBodyBytes' | 'maxBodyMemoryBytes' | 'maxFileBytes' | 'maxHops'
  >
  /** Whether a path needs no key. */
  readonly isOpen: (path: string) => boolean
}

/**
 * Admits a request: by the gateways that it has passed, its key and the limits of that, and with a bound on its body. One
 * step for all of these: each of its own would cost every request two promises and a closure.
 */
export function admitted(init: AdmittedInit): MiddlewareHandler<GatewayEnv> {
  const { keys, rateLimit, limits, isOpen } = init
  const checkHops = hopLimit(limits.maxHops)
  const openMemory = bodyMemory(limits.maxBodyMemoryBytes)
  return async (c, next) => {
    checkHops(c)
    const { path, method } = c.req
    if (isOpen(path)) return await next()
    const caller = keys.callerOf(c.req.raw.headers)
    c.set('caller', caller)
    keys.checkPath(caller, path)
    if (method === 'POST') rateLimit.request(caller)
    if (!WITH_BODY.test(path)) return await next()
    const isFile = path === FILES
    c.req.raw = boundedRequest(c.req.raw, isFile ? limits.maxFileBytes : limits.maxBodyBytes)
    if (isFile) return await next()
    const memory = openMemory(c.get('requestId'), caller)
    c.set('memory', memory)
    try {
      await next()
    } finally {
      const answer = memory.answered(c.res)
      if (answer !== c.res) {
        // Set anew: the headers of one that is there would be added again.
        c.res = undefined
        c.res = answer
      }
    }
    return undefined
  }
}

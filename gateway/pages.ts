import type { MiddlewareHandler } from 'hono'
import type { GatewayEnv } from './context.ts'
import { type ApiKey, callerOf, refuseOtherOrigins } from './security/index.ts'

/** Who asks for a page. */
export interface PageVisitor {
  /** Whether the gateway has API keys. */
  readonly keysRequired: boolean
  /** Name of the key that the request carries. Absent without a valid one. */
  readonly key?: string
  /** IP address of the other end. Absent in-process. */
  readonly remoteAddress?: string
}

/** Pages that a gateway serves beside its API, for browsers and for their own scripts only. */
export interface GatewayPages {
  /** Whether the request asks for a page, and not for the API. */
  owns(request: Request): boolean
  /** Failures are in the response. */
  respond(request: Request, visitor: PageVisitor): Promise<Response>
}

/**
 * Serves pages before any rule of the API: pages of other origins never reach them, whatever `corsOrigins` allows. The
 * pages decide what they show without a key.
 */
export function servePages(
  pages: GatewayPages,
  apiKeys: readonly ApiKey[],
): MiddlewareHandler<GatewayEnv> {
  return async (c, next) => {
    if (!pages.owns(c.req.raw)) return await next()
    refuseOtherOrigins(c)
    const { remoteAddress } = c.env
    const key = keyOf(c.req.raw.headers, apiKeys)
    return await pages.respond(c.req.raw, {
      keysRequired: apiKeys.length > 0,
      ...(key !== undefined && { key }),
      ...(remoteAddress !== undefined && { remoteAddress }),
    })
  }
}

function keyOf(headers: Headers, apiKeys: readonly ApiKey[]): string | undefined {
  if (apiKeys.length === 0) return undefined
  try {
    return callerOf(headers, apiKeys)
  } catch {
    return undefined
  }
}

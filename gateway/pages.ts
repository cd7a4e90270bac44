import type { Context } from 'hono'
import { defined } from '../protocol/index.ts'
import type { BatchRecord } from './batches/index.ts'
import type { GatewayEnv } from './context.ts'
import { type KeyRing, refuseOtherOrigins } from './security/index.ts'

/** Who asks for a page. */
export interface PageVisitor {
  /** Whether the gateway has API keys. */
  readonly keysRequired: boolean
  /** Name of the key that the request carries. Absent without a valid one. */
  readonly key?: string
  /** Whether that key has every right: it is not held to models, limits or an expiry. */
  readonly isUnrestricted: boolean
  /** The same visitor by the keys of now: one may be added, restricted or removed while a stream is open. */
  readonly now: () => PageVisitor
  /** IP address of the other end. Absent in-process. */
  readonly remoteAddress?: string
}

/** What pages may show of the gateway. */
export interface PageSources {
  /** Batches of all callers, newest first. */
  readonly batches: () => readonly GatewayBatch[]
}

/** A batch, as far as pages show it. Times are seconds since 1970. */
export type GatewayBatch = Pick<
  BatchRecord,
  | 'counts'
  | 'created_at'
  | 'endpoint'
  | 'error_file_id'
  | 'errors'
  | 'hasErrors'
  | 'hasOutput'
  | 'id'
  | 'output_file_id'
  | 'status'
>

/** Pages that a gateway serves beside its API, for browsers and for their own scripts only. */
export interface GatewayPages {
  /** Called once, when the gateway opens. */
  attach?(sources: PageSources): void
  /** Whether the request asks for a page, and not for the API. */
  owns(request: Request): boolean
  /** Failures are in the response. */
  respond(request: Request, visitor: PageVisitor): Promise<Response>
}

type PageKeys = Pick<KeyRing, 'callerOf' | 'isRequired' | 'isUnrestricted'>

/**
 * Serves pages before any rule of the API: pages of other origins never reach them, whatever `corsOrigins` allows. The
 * pages decide what they show without a key.
 *
 * @returns answers a request for a page; undefined for any other
 */
export function servePages(
  pages: GatewayPages,
  keys: PageKeys,
): (c: Context<GatewayEnv>) => Promise<Response> | undefined {
  return (c) => {
    if (!pages.owns(c.req.raw)) return undefined
    refuseOtherOrigins(c)
    const { remoteAddress } = c.env
    const { headers } = c.req.raw
    const now = (): PageVisitor => {
      const key = keyOf(headers, keys)
      return {
        keysRequired: keys.isRequired,
        isUnrestricted: keys.isUnrestricted(key ?? ''),
        now,
        ...defined({ key, remoteAddress }),
      }
    }
    return pages.respond(c.req.raw, now())
  }
}

function keyOf(headers: Headers, keys: PageKeys): string | undefined {
  if (!keys.isRequired) return undefined
  try {
    return keys.callerOf(headers)
  } catch {
    return undefined
  }
}

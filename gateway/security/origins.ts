import type { Context, MiddlewareHandler } from 'hono'
import { cors } from 'hono/cors'
import { InferenceError } from '../../protocol/index.ts'

/**
 * Restricts calls by web pages. A browser sends some requests without a preflight, so other pages are refused outright
 * instead of only being kept from reading the answer.
 *
 * @param allowed returns the origins that hold now, such as `https://chat.example`; `*` allows every page
 */
export function origins(allowed: () => readonly string[]): MiddlewareHandler {
  const shared = cors({
    origin: (origin) => (allowed().includes('*') ? '*' : allowed().find((one) => one === origin)),
    exposeHeaders: EXPOSED,
    maxAge: 600,
  })
  return (c, next) => {
    // A POST without an origin is no page's, and no cache keeps its answer.
    if (c.req.method === 'POST' && c.req.header('origin') === undefined) return next()
    const origin = otherOrigin(c)
    if (origin !== undefined && !isAllowed(origin, allowed())) {
      throw new InferenceError(
        'unauthorized',
        `pages of ${origin} may not call this gateway: allow them with --cors-origin`,
      )
    }
    return shared(c, next)
  }
}

function isAllowed(origin: string, allowed: readonly string[]): boolean {
  return allowed.includes('*') || allowed.includes(origin)
}

/** The origin of the page that calls, unless it is this gateway's own. */
function otherOrigin(c: Context): string | undefined {
  const origin = c.req.header('origin')
  if (origin === undefined) return undefined
  // Not the URL's host: in a request in absolute form the caller chooses it.
  const { protocol, host } = new URL(c.req.url)
  return origin === `${protocol}//${c.req.header('host') ?? host}` ? undefined : origin
}

/**
 * Refuses requests that another page makes. Following a link to a page is not one.
 *
 * @throws InferenceError `unauthorized`
 */
export function refuseOtherOrigins(c: Context): void {
  if (isOtherPage(c)) {
    throw new InferenceError('unauthorized', 'other pages have no access to the console')
  }
}

/** Whether another page makes the request. Following a link to a page is not one. */
export function isOtherPage(c: Context): boolean {
  const site = c.req.header('sec-fetch-site') ?? 'none'
  const isLink = c.req.method === 'GET' && c.req.header('sec-fetch-dest') === 'document'
  const isOwn = site === 'same-origin' || site === 'none' || isLink
  return !isOwn || otherOrigin(c) !== undefined
}

/** Response headers that pages may read. */
const EXPOSED = [
  'x-request-id',
  'retry-after',
  'retry-after-ms',
  'x-should-retry',
  'x-skein-peer',
  'x-skein-swarm',
  'x-skein-attempts',
  'x-skein-hedged',
  'x-skein-resumed',
  'x-skein-ttft-ms',
  'x-skein-queue-position',
]

import type { MiddlewareHandler } from 'hono'
import { cors } from 'hono/cors'
import { InferenceError } from '../../protocol/index.ts'

/**
 * Restricts calls by web pages. A browser sends some requests without a preflight, so other pages are refused outright
 * instead of only being kept from reading the answer.
 *
 * @param allowed origins such as `https://chat.example`; `*` allows every page
 */
export function origins(allowed: readonly string[]): MiddlewareHandler[] {
  const any = allowed.includes('*')
  return [
    async (c, next) => {
      const origin = c.req.header('origin')
      // Not the URL's host: in a request in absolute form the caller chooses it.
      const { protocol, host } = new URL(c.req.url)
      const isOwn = origin === `${protocol}//${c.req.header('host') ?? host}`
      if (origin !== undefined && !isOwn && !any && !allowed.includes(origin)) {
        throw new InferenceError(
          'unauthorized',
          `pages of ${origin} may not call this gateway: allow them with --cors-origin`,
        )
      }
      await next()
    },
    cors({
      origin: any ? '*' : [...allowed],
      exposeHeaders: EXPOSED,
      maxAge: 600,
    }),
  ]
}

/** Response headers that pages may read. */
const EXPOSED = [
  'x-request-id',
  'retry-after',
  'retry-after-ms',
  'x-should-retry',
  'x-skein-peer',
  'x-skein-attempts',
  'x-skein-hedged',
  'x-skein-resumed',
  'x-skein-ttft-ms',
  'x-skein-queue-position',
]

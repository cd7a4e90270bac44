import type { MiddlewareHandler } from 'hono'
import { cors } from 'hono/cors'
import { InferenceError } from '../../protocol/index.ts'

/**
 * Which web pages may call. A browser sends some requests without asking first, so a page that is not on the list is
 * refused outright rather than only kept from reading the answer.
 *
 * @param allowed origins such as `https://chat.example`; `*` lets every page in
 */
export function origins(allowed: readonly string[]): MiddlewareHandler[] {
  const any = allowed.includes('*')
  return [
    async (c, next) => {
      const origin = c.req.header('origin')
      // Not the URL's host: in a request with the absolute form, that is whatever the caller wrote.
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

/** What pages may read of an answer's headers. */
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

import { Hono } from 'hono'
import { InferenceError } from '../../protocol/index.ts'
import type { GatewayEnv } from '../context.ts'
import { type ErrorFormat, errorResponse, HttpRefusal } from '../http/index.ts'
import { type GatewayPages, servePages } from '../pages.ts'
import { hostCheck } from '../security/index.ts'
import { closeIdleSockets } from './idle-sockets.ts'
import { listening, urlOf } from './listening.ts'

/** Some browsers, or tools that watch a node. */
const MAX_CONNECTIONS = 128

/** As pages answer themselves. */
const SHAPE: ErrorFormat = ({ message, code }) => ({ error: message, code })

/** Pages at a port. */
export interface PageServer extends AsyncDisposable {
  /** Without a slash at the end. */
  readonly url: string
}

/** Where pages are served. */
export interface PageServerInit {
  /** Pages have no keys: another address than one of this machine itself shows them to its network. @default 127.0.0.1 */
  readonly host?: string
  /** 0 picks a free one. */
  readonly port: number
}

/**
 * Serves pages without a gateway, with the same rules of hosts and origins, and the same bounds on connections.
 *
 * @throws InferenceError `invalid_request` for a port in use or an invalid address
 */
export async function servePagesOnly(
  pages: GatewayPages,
  { host = '127.0.0.1', port }: PageServerInit,
): Promise<PageServer> {
  const app = new Hono<GatewayEnv>()
  const keys = { isRequired: false, isUnrestricted: () => true, callerOf: () => '' }
  app.onError((error) =>
    error instanceof HttpRefusal
      ? error.response('', SHAPE)
      : errorResponse(InferenceError.from(error), '', SHAPE),
  )
  const checkHost = hostCheck(() => [])
  const answer = servePages(pages, keys)
  app.use((c, next) => {
    checkHost(c)
    return answer(c) ?? next()
  })
  app.notFound((c) => c.json({ error: 'only the console is served here' }, 404))
  const server = await listening(
    (request, remoteAddress) =>
      app.fetch(request, remoteAddress === undefined ? {} : { remoteAddress }),
    host,
    port,
  )
  closeIdleSockets(server, MAX_CONNECTIONS, () => performance.now())
  // A few more, so that an idle one can be closed for a new one.
  server.maxConnections = MAX_CONNECTIONS + 32
  return {
    url: urlOf(server),
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}

import { isIP } from 'node:net'
import type { Registry } from 'prom-client'
import { InferenceError } from '../../protocol/index.ts'
import { ownHost } from '../loopback.ts'
import { UsageError } from '../usage-error.ts'
import type { MonitorOptions } from './monitor-options.ts'

/** What `/readyz` answers: 200 if ready, else 503 with the reason. */
export interface Readiness {
  readonly ready: boolean
  /** Why not; for an operator. */
  readonly reason?: string
}

export interface Monitored {
  readonly registry: Registry
  readiness(): Readiness
}

/** The monitoring server of a node or bootstrap peer. */
export interface Monitor extends AsyncDisposable {
  /** Absent if `--http-port` was not given. Without a slash at the end. */
  readonly url?: string
}

/**
 * Serves metrics and health over HTTP, if `--http-port` was given.
 *
 * @throws UsageError for an address in use
 */
export async function serveMonitor(
  { httpPort: port, httpHost }: MonitorOptions,
  monitored: Monitored,
): Promise<Monitor> {
  if (port === undefined) return { [Symbol.asyncDispose]: () => Promise.resolve() }
  const pages = {
    owns: () => true,
    respond: (request: Request) => respond(request, monitored),
  }
  // A bootstrap peer needs no gateway otherwise.
  const { servePagesOnly } = await import('../../gateway/index.ts')
  try {
    return await servePagesOnly(pages, { host: ownHost(httpHost), port })
  } catch (error) {
    if (!InferenceError.is(error, 'invalid_request')) throw error
    throw new UsageError(`--http-port: ${error.message}`)
  }
}

async function respond(request: Request, { registry, readiness }: Monitored): Promise<Response> {
  const { pathname, hostname } = new URL(request.url)
  // A name that a web page made point here would let it read the metrics.
  const bare = hostname.replace(/^\[|\]$/g, '')
  if (isIP(bare) === 0 && bare !== 'localhost') {
    return json(421, { error: 'use the IP address or localhost' })
  }
  if (!['/metrics', '/health', '/healthz', '/readyz'].includes(pathname)) {
    return json(404, { error: 'only /metrics, /healthz and /readyz exist' })
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return json(405, { error: 'only GET and HEAD are allowed' }, { allow: 'GET, HEAD' })
  }
  switch (pathname) {
    case '/metrics':
      return new Response(await registry.metrics(), {
        headers: { 'content-type': registry.contentType },
      })
    case '/readyz': {
      const { ready, reason } = readiness()
      return json(ready ? 200 : 503, { status: ready ? 'ready' : 'not ready', reason })
    }
    default:
      return json(200, { status: 'ok' })
  }
}

function json(status: number, body: object, headers: Record<string, string> = {}): Response {
  return Response.json(body, { status, headers: { 'cache-control': 'no-store', ...headers } })
}

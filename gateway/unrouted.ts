import type { Hono, HonoRequest } from 'hono'
import type { GatewayEnv } from './context.ts'
import { HttpRefusal } from './http/index.ts'

const METHODS = ['GET', 'POST', 'DELETE', 'PUT', 'PATCH'] as const

/** The error of a request without an endpoint: 405 with the methods of its path, else 404. */
export function unrouted(
  app: Pick<Hono<GatewayEnv>, 'router'>,
  { method, path }: Pick<HonoRequest, 'method' | 'path'>,
): HttpRefusal {
  const allowed = METHODS.filter((name) => hasEndpoint(app, name, path))
  if (allowed.length === 0)
    return new HttpRefusal('not_found', `no such endpoint: ${method} ${path}`)
  const allow = [...allowed, ...(allowed.includes('GET') ? ['HEAD'] : [])].join(', ')
  return new HttpRefusal('method_not_allowed', `${path} allows ${allow}, not ${method}`, {
    headers: { allow },
  })
}

/** Middleware is registered for all methods and is not an endpoint. */
function hasEndpoint(app: Pick<Hono<GatewayEnv>, 'router'>, method: string, path: string): boolean {
  const [matched] = app.router.match(method, path)
  return matched.some(([[, route]]) => route.method === method)
}

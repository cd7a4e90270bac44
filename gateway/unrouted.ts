import type { Hono, HonoRequest } from 'hono'
import type { GatewayEnv } from './context.ts'
import { HttpRefusal } from './http/index.ts'

const METHODS = ['GET', 'POST', 'DELETE', 'PUT', 'PATCH'] as const

/** Why no endpoint took a request: 405 with the methods that its path has, else 404. */
export function unrouted(
  app: Pick<Hono<GatewayEnv>, 'router'>,
  { method, path }: Pick<HonoRequest, 'method' | 'path'>,
): HttpRefusal {
  const allowed = METHODS.filter((name) => hasEndpoint(app, name, path))
  if (allowed.length === 0)
    return new HttpRefusal('not_found', `there is no ${method} ${path} here`)
  const allow = [...allowed, ...(allowed.includes('GET') ? ['HEAD'] : [])].join(', ')
  return new HttpRefusal('method_not_allowed', `${path} takes ${allow}, not ${method}`, {
    headers: { allow },
  })
}

/** Middleware is registered for all methods, and no endpoint of its own. */
function hasEndpoint(app: Pick<Hono<GatewayEnv>, 'router'>, method: string, path: string): boolean {
  const [matched] = app.router.match(method, path)
  return matched.some(([[, route]]) => route.method === method)
}

import { Hono } from 'hono'
import type { GatewayEnv } from '../context.ts'

/** Endpoints that manage an engine's models, where the gateway has none. */
const MANAGING = ['pull', 'push', 'create', 'copy', 'delete', 'blobs/*'] as const

/** Other endpoints of Ollama's clients, supported and unsupported. */
export function ollamaOther(): Hono<GatewayEnv> {
  const app = new Hono<GatewayEnv>()
  for (const name of MANAGING) {
    app.all(`/api/${name}`, (c) =>
      c.json(
        {
          error: `${c.req.path} is not supported here: models belong to the peers that serve them`,
        },
        501,
      ),
    )
  }
  // Clients probe whether Ollama runs. Browsers get the dashboard instead.
  app.get('/', async (c, next) => {
    if (c.req.header('accept')?.includes('text/html') === true) return await next()
    return c.text('Ollama is running')
  })
  return app
}

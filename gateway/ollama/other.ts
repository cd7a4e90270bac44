import { Hono } from 'hono'
import type { GatewayEnv } from '../context.ts'

/** What manages the models of an engine, of which the gateway has none. */
const MANAGING = ['pull', 'push', 'create', 'copy', 'delete', 'blobs/*'] as const

/** What Ollama's clients ask besides, and what cannot be done here. */
export function ollamaOther(): Hono<GatewayEnv> {
  const app = new Hono<GatewayEnv>()
  for (const name of MANAGING) {
    app.all(`/api/${name}`, (c) =>
      c.json(
        {
          error: `${c.req.path} is not offered here: models belong to the peers that serve them`,
        },
        501,
      ),
    )
  }
  // Clients look whether Ollama is there. People who open the address in a browser do not.
  app.get('/', async (c, next) => {
    if (c.req.header('accept')?.includes('text/html') === true) return await next()
    return c.text('Ollama is running')
  })
  return app
}

import { Hono } from 'hono'
import type { GatewayEnv } from '../context.ts'

/** Endpoints that manage an engine's models, where the gateway has none. */
const MANAGING = ['pull', 'push', 'create', 'copy', 'delete', 'blobs/*'] as const
/** Endpoints of an account at ollama.com. `ollama push` asks for it first. */
const ACCOUNT = ['me', 'signout', 'user/keys/*'] as const

/** Other endpoints of Ollama's clients, supported and unsupported. */
export function ollamaOther(): Hono<GatewayEnv> {
  const app = new Hono<GatewayEnv>()
  const refuse = (name: string, why: string): void => {
    app.all(`/api/${name}`, (c) =>
      c.json({ error: `${c.req.path} is not supported here: ${why}` }, 501),
    )
  }
  for (const name of MANAGING) refuse(name, 'models belong to the peers that serve them')
  for (const name of ACCOUNT) refuse(name, 'there are no accounts, and models cannot be pushed')
  // Clients probe whether Ollama runs. Browsers get the dashboard instead.
  app.get('/', async (c, next) => {
    if (c.req.header('accept')?.includes('text/html') === true) return await next()
    return c.text('Ollama is running')
  })
  return app
}

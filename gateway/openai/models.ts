import { Hono } from 'hono'
import type { ModelListing } from '../../client/index.ts'
import { InferenceError, normalizeModelId } from '../../protocol/index.ts'
import type { GatewayContext, GatewayEnv } from '../context.ts'

/** `GET /v1/models` and `GET /v1/models/{id}`; ids may contain slashes. */
export function models(context: GatewayContext): Hono<GatewayEnv> {
  const { client, now } = context
  // Nobody knows when a model was made; it is the same for all and does not change.
  const created = Math.floor(now() / 1_000)
  return new Hono<GatewayEnv>()
    .get('/v1/models', async (c) => {
      const listings = await client.models({ signal: c.req.raw.signal })
      return c.json({ object: 'list', data: listings.map((listing) => shown(listing, created)) })
    })
    .get('/v1/models/:id{.+}', async (c) => {
      const id = normalizeModelId(c.req.param('id'))
      const listings = await client.models({ signal: c.req.raw.signal })
      const listing = listings.find((known) => known.id === id || known.aliases.includes(id))
      if (listing === undefined) {
        throw new InferenceError('model_not_found', `nobody serves '${id}'`, {
          details: {
            param: 'model',
            available: listings.map(({ id: model, peers }) => ({ model, peers: peers.length })),
          },
        })
      }
      return c.json(shown(listing, created))
    })
}

function shown({ id, contextLength, capabilities, peers }: ModelListing, created: number): object {
  return {
    id,
    object: 'model',
    created,
    owned_by: 'skein',
    ...(contextLength > 0 && { context_length: contextLength }),
    capabilities,
    peers: peers.length,
  }
}

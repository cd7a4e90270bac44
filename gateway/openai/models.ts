import { Hono } from 'hono'
import type { ModelListing } from '../../client/index.ts'
import { InferenceError, normalizeModelId } from '../../protocol/index.ts'
import type { GatewayContext, GatewayEnv } from '../context.ts'

/** `GET /v1/models` and `GET /v1/models/{id}`; ids may contain slashes. */
export function models(context: GatewayContext): Hono<GatewayEnv> {
  const { client, now } = context
  // Peers do not report when a model was created: a constant for all models.
  const created = Math.floor(now() / 1_000)
  const all = async (signal: AbortSignal): Promise<readonly Model[]> => {
    const own = ownModels(context)
    try {
      return [...(await client.models({ signal })).map(served), ...own]
    } catch (error) {
      // The caller's own models are listed even without peers.
      if (own.length > 0 && InferenceError.is(error, 'no_peers')) return own
      throw error
    }
  }
  const shown = ({ names: _, ...model }: Model): object => ({ ...model, object: 'model', created })
  return new Hono<GatewayEnv>()
    .get('/v1/models', async (c) => {
      const data = (await all(c.req.raw.signal)).map(shown)
      return c.json({ object: 'list', data })
    })
    .get('/v1/models/:id{.+}', async (c) => {
      const id = normalizeModelId(c.req.param('id'))
      const known = await all(c.req.raw.signal)
      const model = known.find(({ names }) => names.includes(id))
      if (model !== undefined) return c.json(shown(model))
      throw new InferenceError('model_not_found', `no peer serves model '${id}'`, {
        details: {
          param: 'model',
          available: known.map((other) => ({ model: other.id, peers: other.peers ?? 0 })),
        },
      })
    })
}

interface Model {
  readonly id: string
  readonly owned_by: string
  /** Other names of the model. */
  readonly names: readonly string[]
  readonly peers?: number
}

function served({ id, aliases, contextLength, capabilities, peers }: ModelListing): Model {
  return {
    id,
    owned_by: 'skein',
    ...(contextLength > 0 && { context_length: contextLength }),
    ...{ capabilities, peers: peers.length, names: [id, ...aliases] },
  }
}

/** Aliases, and the known models of the caller's providers. */
function ownModels({ client }: GatewayContext): Model[] {
  const { aliases, providers } = client.names
  return [
    ...aliases.map((id) => ({ id, owned_by: 'alias', names: [normalizeModelId(id)] })),
    ...providers.flatMap(({ name, models: ids }) =>
      ids.map((model) => {
        const id = `${name}/${model}`
        return { id, owned_by: name, names: [normalizeModelId(id)] }
      }),
    ),
  ]
}

import { type Context, Hono } from 'hono'
import type { ModelListing } from '../../client/index.ts'
import { InferenceError, normalizeModelId } from '../../protocol/index.ts'
import type { GatewayContext, GatewayEnv } from '../context.ts'
import { type OwnModel, visibleModels } from '../visible-models.ts'

/** `GET /v1/models` and `GET /v1/models/{id}`; ids may contain slashes. */
export function models(context: GatewayContext): Hono<GatewayEnv> {
  const { client, now, rightsOf } = context
  // Peers do not report when a model was created: a constant for all models.
  const created = Math.floor(now() / 1_000)
  const all = async (c: Context<GatewayEnv>): Promise<readonly Model[]> => {
    const { served, own } = await visibleModels(client, rightsOf(c.get('caller')), c.req.raw.signal)
    return [...served.map(servedModel), ...own.map(ownModel)]
  }
  const shown = ({ names: _, ...model }: Model): object => ({ ...model, object: 'model', created })
  return new Hono<GatewayEnv>()
    .get('/v1/models', async (c) => {
      const data = (await all(c)).map(shown)
      return c.json({ object: 'list', data })
    })
    .get('/v1/models/:id{.+}', async (c) => {
      const id = normalizeModelId(c.req.param('id'))
      const known = await all(c)
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

function servedModel({ id, aliases, contextLength, capabilities, peers }: ModelListing): Model {
  return {
    id,
    owned_by: 'skein',
    ...(contextLength > 0 && { context_length: contextLength }),
    ...{ capabilities, peers: peers.length, names: [id, ...aliases] },
  }
}

function ownModel({ name, provider = 'alias' }: OwnModel): Model {
  return { id: name, owned_by: provider, names: [normalizeModelId(name)] }
}

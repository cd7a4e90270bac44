import { type Context, Hono } from 'hono'
import type { ModelListing } from '../../client/index.ts'
import { InferenceError, normalizeModelId } from '../../protocol/index.ts'
import { anthropicModel, anthropicModelPage } from '../anthropic/index.ts'
import type { GatewayContext, GatewayEnv } from '../context.ts'
import { type OwnModel, visibleModels } from '../visible-models.ts'

/** Sent by clients of Anthropic's API, which lists its models at the same paths. */
const ANTHROPIC_HEADER = 'anthropic-version'

/**
 * `GET /v1/models` and `GET /v1/models/{id}`; ids may contain slashes. Clients of Anthropic's API get the form of that
 * API.
 */
export function models(context: GatewayContext): Hono<GatewayEnv> {
  const { client, now, rightsOf } = context
  // Peers do not report when a model was created: a constant for all models.
  const created = Math.floor(now() / 1_000)
  const all = async (c: Context<GatewayEnv>): Promise<readonly Model[]> => {
    const { served, own } = await visibleModels(client, rightsOf(c.get('caller')), c.req.raw.signal)
    return [...served.map(servedModel), ...own.map(ownModel)]
  }
  const isAnthropic = (c: Context<GatewayEnv>): boolean =>
    c.req.header(ANTHROPIC_HEADER) !== undefined
  const shown = ({ names: _, ...model }: Model): object => ({ ...model, object: 'model', created })
  const inAnthropicForm = ({ id, context_length }: Model) =>
    anthropicModel(id, created, context_length)
  return new Hono<GatewayEnv>()
    .get('/v1/models', async (c) => {
      const known = await all(c)
      if (isAnthropic(c)) return c.json(anthropicModelPage(known.map(inAnthropicForm)))
      return c.json({ object: 'list', data: known.map(shown) })
    })
    .get('/v1/models/:id{.+}', async (c) => {
      const id = normalizeModelId(c.req.param('id'))
      const known = await all(c)
      const model = known.find(({ names }) => names.includes(id))
      if (model !== undefined) return c.json(isAnthropic(c) ? inAnthropicForm(model) : shown(model))
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
  /** Of models of peers that report it, in tokens. */
  readonly context_length?: number
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

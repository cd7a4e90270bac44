import { Hono } from 'hono'
import type { ModelListing } from '../../client/index.ts'
import { type Capability, InferenceError, normalizeModelId } from '../../protocol/index.ts'
import { readFields } from '../answering/index.ts'
import type { GatewayContext, GatewayEnv } from '../context.ts'
import { readJsonObject } from '../http/index.ts'
import { showFields } from './request-fields.ts'

/** The version of Ollama whose API this is; clients refuse older ones. */
const API_VERSION = '0.12.6'

/** Ollama's names of what a model can do. */
const CAPABILITIES: Readonly<Partial<Record<Capability, string>>> = {
  chat: 'completion',
  tools: 'tools',
  vision: 'vision',
  embedding: 'embedding',
}

/** `GET /api/tags`, `GET /api/ps`, `GET /api/version` and `POST /api/show`. */
export function ollamaModels(context: GatewayContext): Hono<GatewayEnv> {
  const { client, now } = context
  // Nobody knows when a model was made; it is the same for all and does not change.
  const modifiedAt = new Date(now()).toISOString()
  return (
    new Hono<GatewayEnv>()
      .get('/api/version', (c) => c.json({ version: API_VERSION }))
      // What runs is on other machines.
      .get('/api/ps', (c) => c.json({ models: [] }))
      .get('/api/tags', async (c) => {
        const listings = await client.models({ signal: c.req.raw.signal })
        return c.json({ models: listings.map((listing) => tagOf(listing, modifiedAt)) })
      })
      .post('/api/show', async (c) => {
        const { model, name } = readFields(showFields, await readJsonObject(c.req.raw))
        const id = normalizeModelId(model ?? name ?? '')
        const listings = await client.models({ signal: c.req.raw.signal })
        const listing = listings.find((known) => known.id === id || known.aliases.includes(id))
        if (listing === undefined) {
          throw new InferenceError('model_not_found', `nobody serves '${id}'`, {
            details: { param: 'model' },
          })
        }
        return c.json(shown(listing, modifiedAt))
      })
  )
}

/** What peers do not say is empty. */
const DETAILS = {
  parent_model: '',
  format: '',
  family: '',
  families: [],
  parameter_size: '',
  quantization_level: '',
}

function tagOf({ id, digests }: ModelListing, modifiedAt: string): object {
  const digest = (digests[0] ?? '').replace(/^sha256:/, '')
  return { name: id, model: id, modified_at: modifiedAt, size: 0, digest, details: DETAILS }
}

function shown({ capabilities, contextLength }: ModelListing, modifiedAt: string): object {
  return {
    license: '',
    modelfile: '',
    parameters: '',
    template: '',
    system: '',
    details: DETAILS,
    messages: [],
    modified_at: modifiedAt,
    // Clients look for the context under the name of the architecture, which peers do not say.
    model_info: {
      'general.architecture': 'skein',
      ...(contextLength > 0 && { 'skein.context_length': contextLength }),
    },
    capabilities: capabilities.flatMap((capability) => CAPABILITIES[capability] ?? []),
  }
}

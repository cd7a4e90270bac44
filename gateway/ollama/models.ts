import { createHash } from 'node:crypto'
import { type Context, Hono } from 'hono'
import type { ModelListing } from '../../client/index.ts'
import { type Capability, InferenceError, normalizeModelId } from '../../protocol/index.ts'
import { readFields } from '../answering/index.ts'
import type { GatewayContext, GatewayEnv } from '../context.ts'
import { readJsonObject } from '../http/index.ts'
import type { LocalModel } from '../local-models.ts'
import { visibleModels } from '../visible-models.ts'
import { showFields } from './request-fields.ts'

/** The version of Ollama whose command line was tested with this API; clients reject older ones. */
const API_VERSION = '0.17.4'

/** Ollama's names of capabilities. */
const CAPABILITIES: Readonly<Partial<Record<Capability, string>>> = {
  chat: 'completion',
  tools: 'tools',
  vision: 'vision',
  embedding: 'embedding',
}

/** `GET /api/tags`, `GET /api/version` and `POST /api/show`. */
export function ollamaModels(context: GatewayContext): Hono<GatewayEnv> {
  const { now } = context
  // Peers do not report when a model was created: a constant for all models.
  const modifiedAt = new Date(now()).toISOString()
  return new Hono<GatewayEnv>()
    .get('/api/version', (c) => c.json({ version: API_VERSION }))
    .get('/api/tags', async (c) => {
      const listings = await allListings(context, c)
      const own = (await context.local?.list()) ?? []
      return c.json({ models: listings.map((listing) => tagOf(listing, modifiedAt, own)) })
    })
    .post('/api/show', async (c) => {
      const { model, name } = readFields(showFields, await readJsonObject(c))
      // The command line sends both, one of them empty.
      const id = normalizeModelId(model || name || '')
      const listings = await allListings(context, c)
      return c.json(shown(listingOf(listings, id), modifiedAt))
    })
}

/**
 * Models of the swarm, aliases, and models of the gateway's providers, which are assumed to have all capabilities of
 * OpenAI's API: those that the caller's key may use.
 *
 * @throws InferenceError `no_peers` if there are no aliases or providers either
 */
export async function allListings(
  { client, rightsOf }: Pick<GatewayContext, 'client' | 'rightsOf'>,
  c: Context<GatewayEnv>,
): Promise<readonly ModelListing[]> {
  const { served, own } = await visibleModels(client, rightsOf(c.get('caller')), c.req.raw.signal)
  return [...served, ...own.map(({ name }) => ownListing(name))]
}

function ownListing(name: string): ModelListing {
  const capabilities: Capability[] = ['chat', 'tools', 'vision']
  const id = normalizeModelId(name)
  return { id, aliases: [], digests: [], capabilities, contextLength: 0, peers: [] }
}

/** @throws InferenceError `model_not_found` */
export function listingOf(listings: readonly ModelListing[], id: string): ModelListing {
  const listing = listings.find((known) => known.id === id || known.aliases.includes(id))
  if (listing !== undefined) return listing
  throw new InferenceError('model_not_found', `model '${id}' not found: no peer serves it`, {
    details: {
      param: 'model',
      available: listings.map((known) => ({ model: known.id, peers: known.peers.length })),
    },
  })
}

/** Fields that peers do not report are empty. */
export const DETAILS: object = {
  parent_model: '',
  format: '',
  family: '',
  families: [],
  parameter_size: '',
  quantization_level: '',
}

function tagOf(
  { id, digests }: ModelListing,
  modifiedAt: string,
  own: readonly LocalModel[],
): object {
  const files = own.filter((model) => model.id === id)
  const file = files.find(({ isServed }) => isServed === true) ?? files[0]
  const digest = digestOf({ id, digests }, file)
  const size = file?.bytes ?? 0
  return { name: id, model: id, modified_at: modifiedAt, size, digest, details: DETAILS }
}

/** Clients shorten the digest; a model without one gets that of its file here, or of its name. */
export function digestOf(
  { id, digests }: Pick<ModelListing, 'digests' | 'id'>,
  file: Pick<LocalModel, 'sha256'> | undefined,
): string {
  return digests[0]?.replace(/^sha256:/, '') ?? file?.sha256 ?? hashOf(id)
}

/** Stands for the digest of a model that has none. */
export function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
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
    // Clients look up the context under the architecture's name, which peers do not report.
    model_info: {
      'general.architecture': 'skein',
      ...(contextLength > 0 && { 'skein.context_length': contextLength }),
    },
    capabilities: capabilities
      // Chat models embed as well; Ollama lists `embedding` only for embedding models.
      .filter((capability) => capability !== 'embedding' || !capabilities.includes('chat'))
      .flatMap((capability) => CAPABILITIES[capability] ?? []),
  }
}

import { createHash } from 'node:crypto'
import type { AbortOptions } from '../../timing/index.ts'
import { asArray, asRecord, type EngineHttp } from '../http/index.ts'
import type { Json, ListedModel } from './catalog-subject.ts'
import { FLAVORS } from './flavor.ts'
import { type Identity, identify } from './identify.ts'
import { vllmTemplateHash } from './vllm-trial.ts'

/** Entries read of an engine's or a provider's listing. */
const MAX_MODELS = 4_096

export interface ListingInit {
  /** The server without `/v1`. */
  readonly root: EngineHttp
  readonly digestOf: ((path: string) => Promise<string | undefined>) | undefined
}

/** What an engine reports about itself and its models. */
export interface Listing {
  readonly identity: Identity
  readonly models: readonly ListedModel[]
}

/** Asks the engine for its models. @param before the listing before this one */
export async function readListing(
  { root, digestOf }: ListingInit,
  before: Listing | undefined,
  options: AbortOptions,
): Promise<Listing> {
  const listed = await root.get('/v1/models', options)
  const identity = await identify(root, listed, options)
  const { alivePath } = FLAVORS[identity.flavor]
  if (alivePath !== undefined) root.watchBy(alivePath)
  const { data } = listed
  const models: ListedModel[] = []
  for (const item of asArray(data).slice(0, MAX_MODELS).map(asRecord)) {
    const { id: name } = item
    if (typeof name !== 'string' || name === '') continue
    const known = before?.models.find((model) => model.name === name)?.templateHash
    const templateHash = await templateHashOf(root, identity, name, options)
    const digest = await digestIn(identity, item, digestOf)
    models.push({ item, name, templateHash: templateHash ?? known ?? '', digest })
  }
  return { identity, models }
}

/** Undefined if the engine was busy, silent or absent. */
async function templateHashOf(
  http: EngineHttp,
  { flavor, details }: Identity,
  engineName: string,
  options: AbortOptions,
): Promise<string | undefined> {
  if (flavor === 'vllm') return await vllmTemplateHash({ http, engineName }, options)
  const { chat_template: template } = details
  return typeof template === 'string'
    ? `sha256:${createHash('sha256').update(template).digest('hex')}`
    : ''
}

async function digestIn(
  { flavor, details }: Identity,
  { root: folder }: Json,
  digestOf: ListingInit['digestOf'],
): Promise<string | undefined> {
  const { model_path: file } = details
  const path = flavor === 'vllm' ? folder : file
  return typeof path === 'string' ? await digestOf?.(path).catch(() => undefined) : undefined
}

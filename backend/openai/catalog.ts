import { createHash } from 'node:crypto'
import { normalizeModelId, resumeField } from '../../protocol/index.ts'
import type { AbortOptions } from '../../timing/index.ts'
import type { BackendModel } from '../backend.ts'
import { asArray, asNumber, asRecord, asString } from '../http/index.ts'
import type { CatalogInit, Subject } from './catalog-subject.ts'
import {
  CONTINUED_FIELDS,
  type DeclaredContinuation,
  declaredContinuation,
} from './declared-continuation.ts'
import { FLAVORS, type Flavor } from './flavor.ts'
import { identify } from './identify.ts'
import { capabilitiesOf } from './model-capabilities.ts'
import { plainName, shortName } from './model-name.ts'
import { sizesOf } from './model-sizes.ts'
import { provedForms, proveTokens } from './resume-proofs.ts'
import { vllmTemplateHash } from './vllm-trial.ts'

/** Entries read of an engine's or a provider's listing. */
const MAX_MODELS = 4_096

/** One model and the engine's own name of it. */
interface CatalogEntry {
  readonly model: BackendModel
  readonly engineName: string
  /** How its API is asked to continue an answer. Absent: as the flavor needs it, or not at all. */
  readonly continuation?: DeclaredContinuation | undefined
}

export interface Catalog {
  readonly flavor: Flavor
  readonly entries: readonly CatalogEntry[]
  readonly slots: number
  /** Whether it is a llama-server that was started without a model. */
  readonly isRouter: boolean
}

/** Asks the engine for its models and their capabilities. */
export async function readCatalog(init: CatalogInit, options: AbortOptions): Promise<Catalog> {
  const { root } = init
  const signal = options.signal
  const listed = await root.get('/v1/models', { signal })
  const identity = await identify(root, listed, options)
  const { data } = listed
  const entries: CatalogEntry[] = []
  for (const item of asArray(data).slice(0, MAX_MODELS).map(asRecord)) {
    const { id: name } = item
    if (typeof name !== 'string' || name === '') continue
    const model = await describe({ ...init, identity, item, name }, options)
    if (model === undefined) continue
    const continuation = identity.flavor === 'generic' ? declared(name, init) : undefined
    entries.push({ ...continuing(model, continuation), engineName: name })
  }
  const { flavor, details } = identity
  const { total_slots: totalSlots, role } = details
  const slots = asNumber(totalSlots) || FLAVORS[flavor].slots
  return { flavor, entries, slots, isRouter: flavor === 'llama-server' && role === 'router' }
}

type Owned = Partial<Pick<CatalogInit, 'continues'>> & Pick<CatalogInit, 'root'>

function declared(name: string, { root, continues }: Owned): DeclaredContinuation | undefined {
  return declaredContinuation(root.baseUrl, name, continues)
}

/** A model of an API that continues its answers, if it does. */
function continuing(
  model: BackendModel,
  continuation: DeclaredContinuation | undefined,
): Omit<CatalogEntry, 'engineName'> {
  if (continuation === undefined || !model.capabilities.includes('chat')) return { model }
  return {
    model: { ...model, resume: 'prefill', fields: [...model.fields, ...CONTINUED_FIELDS] },
    continuation,
  }
}

/** A catalog as the caller states it, of models with any names. */
export function assumedCatalog(names: readonly string[], owned: Owned): Catalog {
  const { capabilities, fields, slots } = FLAVORS.openai
  const entries = names.map((engineName) => {
    const model: BackendModel = {
      id: normalizeModelId(engineName),
      aliases: [],
      family: '',
      parameters: 0,
      quantization: '',
      contextLength: 0,
      templateHash: '',
      capabilities,
      resume: 'none',
      fields: Object.keys(fields),
    }
    return { ...continuing(model, declared(engineName, owned)), engineName }
  })
  return { flavor: 'openai', entries, slots, isRouter: false }
}

async function describe(
  subject: Subject,
  options: AbortOptions,
): Promise<BackendModel | undefined> {
  const { identity, item, name, names } = subject
  const { meta, aliases } = item
  const { n_params: parameters, ftype, n_ctx: trainedContext } = asRecord(meta)
  const { quantization, contextLength } = sizesOf(subject)
  const capabilities = await capabilitiesOf(subject, options)
  if (capabilities.length === 0) return undefined
  const templateHash = await templateHashOf(subject, options)
  const proved =
    capabilities.includes('chat') && (await proveTokens(subject, templateHash, options))
  const forms = capabilities.includes('chat')
    ? await provedForms(subject, capabilities, templateHash, options)
    : undefined
  const digest = await digestIn(subject)
  const id = normalizeModelId(names[name] ?? plainName(name))
  const otherNames = [name, ...asArray(aliases).map(asString)].map(shortName).map(normalizeModelId)
  return {
    id,
    aliases: [...new Set(otherNames)].filter((alias) => alias !== '' && alias !== id),
    ...(digest !== undefined && { digest }),
    family: '',
    parameters: asNumber(parameters),
    quantization: asString(ftype) || quantization,
    contextLength: contextLength || asNumber(trainedContext),
    templateHash,
    capabilities: proved ? [...capabilities, 'token_ids', 'score'] : capabilities,
    resume: proved ? 'tokens' : forms === undefined ? 'none' : 'prefill',
    fields: [
      ...Object.keys(FLAVORS[identity.flavor].fields),
      ...(forms ?? []).map((form) => resumeField(form, 'text')),
    ],
  }
}

/** Digest of the file or folder that the engine reports, if this machine has it. */
async function digestIn({ identity, item, digestOf }: Subject): Promise<string | undefined> {
  const { model_path: file } = identity.details
  const { root: folder } = item
  const path = identity.flavor === 'vllm' ? folder : file
  return typeof path === 'string' ? await digestOf?.(path).catch(() => undefined) : undefined
}

async function templateHashOf(subject: Subject, { signal }: AbortOptions): Promise<string> {
  const { identity, root: http, name } = subject
  if (identity.flavor === 'vllm') return await vllmTemplateHash({ http, engineName: name }, signal)
  const { chat_template: template } = identity.details
  return typeof template === 'string' ? `sha256:${sha256(template)}` : ''
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

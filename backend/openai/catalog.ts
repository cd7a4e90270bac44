import { normalizeModelId, resumeField } from '../../protocol/index.ts'
import type { BackendModel } from '../backend.ts'
import { asArray, asNumber, asRecord, asString } from '../http/index.ts'
import type { CatalogInit, Subject } from './catalog-subject.ts'
import {
  CONTINUED_FIELDS,
  type DeclaredContinuation,
  declaredContinuation,
} from './declared-continuation.ts'
import { FLAVORS, type Flavor } from './flavor.ts'
import type { Listing } from './listing.ts'
import { capabilitiesOf } from './model-capabilities.ts'
import { plainName, shortName } from './model-name.ts'
import { sizesOf } from './model-sizes.ts'
import { provedForms, provesTokens } from './resume-proofs.ts'

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
  /** Of the entries. */
  readonly models: readonly BackendModel[]
  readonly slots: number
  /** Whether it is a llama-server that was started without a model. */
  readonly isRouter: boolean
}

/** What is offered of an engine, by what it reports and by the trials so far. Asks for those that are still to come. */
export function catalogOf(init: CatalogInit, { identity, models }: Listing): Catalog {
  const entries = models.flatMap((listed): CatalogEntry[] => {
    const model = describe({ ...init, ...listed, identity })
    if (model === undefined) return []
    const { name } = listed
    const continuation = identity.flavor === 'generic' ? declared(name, init) : undefined
    return [{ ...continuing(model, continuation), engineName: name }]
  })
  const { flavor, details } = identity
  const { total_slots: totalSlots, role } = details
  const slots = asNumber(totalSlots) || FLAVORS[flavor].slots
  const isRouter = flavor === 'llama-server' && role === 'router'
  return { flavor, entries, models: modelsOf(entries), slots, isRouter }
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
  return { flavor: 'openai', entries, models: modelsOf(entries), slots, isRouter: false }
}

function modelsOf(entries: readonly CatalogEntry[]): readonly BackendModel[] {
  return entries.map(({ model }) => model)
}

/** The id under which a model of this name is offered. */
export function idOf(name: string, names: CatalogInit['names']): string {
  return normalizeModelId(names[name] ?? plainName(name))
}

function describe(subject: Subject): BackendModel | undefined {
  const { identity, item, name, names, templateHash, digest } = subject
  const { meta, aliases } = item
  const { n_params: parameters, ftype, n_ctx: trainedContext } = asRecord(meta)
  const { quantization, contextLength } = sizesOf(subject)
  const { capabilities, isChat } = capabilitiesOf(subject)
  if (capabilities.length === 0) return undefined
  const proved = isChat && provesTokens(subject)
  const forms = isChat ? provedForms(subject, capabilities) : undefined
  const id = idOf(name, names)
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

import { createHash } from 'node:crypto'
import {
  type Capability,
  normalizeModelId,
  type ResumeForm,
  resumeField,
} from '../../protocol/index.ts'
import type { AbortOptions } from '../../timing/index.ts'
import type { BackendModel } from '../backend.ts'
import { type Continue, continuesText } from '../continuation/index.ts'
import { asArray, asNumber, asRecord, asString, type EngineHttp } from '../http/index.ts'
import {
  chats,
  embeds,
  hasToolParser,
  type TrialOutcome,
  type TrialSubject,
  takesTools,
} from './capability-trial.ts'
import { continueChat } from './continue-trial.ts'
import { FLAVORS, type Flavor } from './flavor.ts'
import { type Identity, identify } from './identify.ts'
import { resumesByTokens } from './llama-trial.ts'
import { answersByTokens, vllmTemplateHash } from './vllm-trial.ts'

type Json = Readonly<Record<string, unknown>>

const QUANTIZATION_SUFFIX = /[-._](i?q\d\w*|b?f16|f32|fp16|mxfp4)$/i

/** One model and the engine's own name of it. */
interface CatalogEntry {
  readonly model: BackendModel
  readonly engineName: string
}

export interface Catalog {
  readonly flavor: Flavor
  readonly entries: readonly CatalogEntry[]
  readonly slots: number
}

export interface CatalogInit {
  /** The server without `/v1`. */
  readonly root: EngineHttp
  /** Capabilities that the operator states beyond those that the adapter finds out. */
  readonly extraCapabilities: readonly Capability[]
  /** Overrides those. */
  readonly exactCapabilities: readonly Capability[] | undefined
  /** Model ids to show in place of the engine's own names. */
  readonly names: Readonly<Record<string, string>>
  readonly digestOf: ((path: string) => Promise<string | undefined>) | undefined
  /** Results of trials by subject: each trial runs once. */
  readonly trials: Map<string, boolean>
}

/** Asks the engine for its models and their capabilities. */
export async function readCatalog(init: CatalogInit, options: AbortOptions): Promise<Catalog> {
  const { root } = init
  const signal = options.signal
  const listed = await root.get('/v1/models', { signal })
  const identity = await identify(root, listed, options)
  const { data } = listed
  const entries: CatalogEntry[] = []
  for (const item of asArray(data).map(asRecord)) {
    const { id: name } = item
    if (typeof name !== 'string' || name === '') continue
    const model = await describe({ ...init, identity, item, name }, options)
    if (model !== undefined) entries.push({ model, engineName: name })
  }
  const { flavor, details } = identity
  const { total_slots: totalSlots } = details
  return { flavor, entries, slots: asNumber(totalSlots) || FLAVORS[flavor].slots }
}

/** A catalog as the caller states it, of models with any names. */
export function assumedCatalog(names: readonly string[]): Catalog {
  const { capabilities, fields, slots } = FLAVORS.openai
  const entries = names.map((engineName) => ({
    engineName,
    model: {
      id: normalizeModelId(engineName),
      aliases: [],
      family: '',
      parameters: 0,
      quantization: '',
      contextLength: 0,
      templateHash: '',
      capabilities,
      resume: 'none' as const,
      fields: Object.keys(fields),
    },
  }))
  return { flavor: 'openai', entries, slots }
}

interface Subject extends CatalogInit {
  readonly identity: Identity
  /** The entry in `/v1/models`. */
  readonly item: Json
  readonly name: string
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

/** Context length as configured, 0 where unknown. */
function sizesOf({ identity, item, name }: Subject): {
  contextLength: number
  quantization: string
} {
  const { max_model_len: modelLength } = item
  switch (identity.flavor) {
    case 'llama-server': {
      const { default_generation_settings: settings, model_ftype: quantization } = identity.details
      const { n_ctx: slotContext } = asRecord(settings)
      return { contextLength: asNumber(slotContext), quantization: asString(quantization) }
    }
    case 'lm-studio':
      return studioSizes(identity.details, name)
    case 'vllm':
    case 'sglang':
    case 'generic':
    case 'openai':
      return { contextLength: asNumber(modelLength), quantization: '' }
    default:
      return identity.flavor satisfies never
  }
}

function studioSizes(details: Json, name: string): { contextLength: number; quantization: string } {
  const { quantization, loaded_instances: instances } = studioModel(details, name) ?? {}
  const loaded = asArray(instances).map(asRecord)
  const { config } = loaded.find(({ id }) => id === name) ?? loaded[0] ?? {}
  const { context_length: contextLength } = asRecord(config)
  const { name: quantizationName } = asRecord(quantization)
  return { contextLength: asNumber(contextLength), quantization: asString(quantizationName) }
}

function isLoaded(details: Json, name: string): boolean {
  const { loaded_instances: instances } = studioModel(details, name) ?? {}
  return asArray(instances).length > 0
}

/** LM Studio's entry of a model, by its name or that of a loaded instance. */
function studioModel({ models }: Json, name: string): Json | undefined {
  return asArray(models)
    .map(asRecord)
    .find(
      ({ key, loaded_instances: instances }) =>
        key === name ||
        asArray(instances)
          .map(asRecord)
          .some(({ id }) => id === name),
    )
}

/** Capabilities stated by the operator, else reported by the engine, else proven by a trial. */
async function capabilitiesOf(subject: Subject, options: AbortOptions): Promise<Capability[]> {
  const { exactCapabilities, extraCapabilities } = subject
  if (exactCapabilities !== undefined) return [...new Set(exactCapabilities)]
  const told = toldCapabilities(subject)
  if (!FLAVORS[subject.identity.flavor].mayTry) return [...new Set([...told, ...extraCapabilities])]
  const found = new Set<Capability>()
  const tried = { http: subject.root, model: subject.name, ...options }
  if (await once(subject, 'embedding', () => embeds(tried))) found.add('embedding')
  // A server that does not embed is assumed to chat; one that does, or may, is tested with a chat.
  const isTried = found.has('embedding') || subject.identity.flavor === 'llama-server'
  const isChat = !isTried || ((await once(subject, 'chat', () => chats(tried))) ?? true)
  if (isChat) for (const capability of told) found.add(capability)
  const { asked } = FLAVORS[subject.identity.flavor]
  const mayHaveTools = isChat && !found.has('tools') && asked.includes('tools')
  if (mayHaveTools && (await provesTools(subject, tried))) found.add('tools')
  for (const capability of extraCapabilities) found.add(capability)
  return [...found]
}

async function provesTools(subject: Subject, tried: TrialSubject): Promise<boolean> {
  switch (subject.identity.flavor) {
    case 'vllm':
      return (await once(subject, 'tools', () => takesTools(tried))) ?? false
    case 'sglang':
      return (await once(subject, 'tools', () => hasToolParser(tried))) ?? false
    // The others report it, or are assumed to have it.
    case 'llama-server':
    case 'lm-studio':
    case 'generic':
    case 'openai':
      return false
    default:
      return subject.identity.flavor satisfies never
  }
}

/** Capabilities of the kind of engine, with those that this one reports for the model. */
function toldCapabilities({ identity, name }: Subject): readonly Capability[] {
  const { flavor, details } = identity
  const { capabilities } = FLAVORS[flavor]
  switch (flavor) {
    case 'llama-server': {
      const { chat_template_caps: templateCaps, modalities } = details
      const { supports_tools: tools } = asRecord(templateCaps)
      const { vision } = asRecord(modalities)
      return [
        ...capabilities,
        ...(tools === true ? (['tools'] as const) : []),
        ...(vision === true ? (['vision'] as const) : []),
      ]
    }
    case 'lm-studio': {
      const { type, capabilities: told } = studioModel(details, name) ?? {}
      if (type === 'embedding' || type === 'embeddings') return ['embedding']
      const { vision } = asRecord(told)
      return vision === true ? [...capabilities, 'vision'] : capabilities
    }
    // Neither asked nor tried, because it may be a paid API. Only the name is known.
    case 'generic':
      return /embed/i.test(name) ? ['embedding'] : capabilities
    case 'vllm':
    case 'sglang':
    case 'openai':
      return capabilities
    default:
      return flavor satisfies never
  }
}

/** Token ids, scores and exact resume are offered together, if a trial proves them. */
async function proveTokens(
  subject: Subject,
  templateHash: string,
  { signal }: AbortOptions,
): Promise<boolean> {
  const { identity, item, root: http, name } = subject
  const { chat_template: template } = identity.details
  // An engine restarted with other settings has to prove it again.
  const { root: folder } = item
  const what = `tokens ${templateHash} ${asString(folder)}`
  if (identity.flavor === 'vllm') {
    const { contextLength } = sizesOf(subject)
    const vllm = { http, engineName: name, contextLength }
    return await once(subject, what, () => answersByTokens(vllm, signal))
  }
  if (identity.flavor !== 'llama-server' || typeof template !== 'string') return false
  return await once(subject, what, () => resumesByTokens(http, template, signal))
}

/** Forms of an answer that it continues from its text; undefined if it continues none, not even plain text. */
async function provedForms(
  subject: Subject,
  capabilities: readonly Capability[],
  templateHash: string,
  options: AbortOptions,
): Promise<readonly ResumeForm[] | undefined> {
  const { identity, root: http, name: model } = subject
  const { flavor, details } = identity
  if (!FLAVORS[flavor].mayContinue) return undefined
  // A trial would load the model.
  if (flavor === 'lm-studio' && !isLoaded(details, model)) return undefined
  const write: Continue = (begun, more) =>
    continueChat({ http, model, flavor, ...options }, begun, more)
  const proves = (form: ResumeForm | 'plain') =>
    once(subject, `continues ${form} ${templateHash}`, () =>
      continuesText(write, form, options.signal),
    )
  if ((await proves('plain')) !== true) return undefined
  const { chat_template: template } = details
  const thinks = typeof template === 'string' && /think|reason/i.test(template)
  const forms: ResumeForm[] = []
  if (capabilities.includes('tools') && (await proves('tools')) === true) forms.push('tools')
  if (thinks && (await proves('reasoning')) === true) forms.push('reasoning')
  if (capabilities.includes('json_schema') && (await proves('json')) === true) forms.push('json')
  return forms
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

/** A conclusive trial is not repeated. */
async function once<T extends TrialOutcome>(
  { trials, name }: Subject,
  what: string,
  trial: () => Promise<T>,
): Promise<boolean | T> {
  const key = `${name} ${what}`
  const known = trials.get(key)
  if (known !== undefined) return known
  const outcome = await trial()
  if (outcome !== undefined) trials.set(key, outcome)
  return outcome
}

/** llama-server names a model by its file path, which stays private. */
function shortName(name: string): string {
  if (!/\.gguf$/i.test(name)) return name
  return name.replace(/^.*[\\/]/, '').replace(/\.gguf$/i, '')
}

/** A file's name without its quantization, so that a model has the same id at every engine. */
function plainName(name: string): string {
  return shortName(name) === name ? name : shortName(name).replace(QUANTIZATION_SUFFIX, '')
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

import { createHash } from 'node:crypto'
import {
  ANSWER_PREFIX,
  type Capability,
  InferenceError,
  normalizeModelId,
  resumeField,
} from '../../protocol/index.ts'
import type { AbortOptions } from '../../timing/index.ts'
import type { BackendModel } from '../backend.ts'
import { asArray, asNumber, asRecord, asString, type EngineHttp } from '../http/index.ts'
import type { Json } from '../shapes/index.ts'
import type { AskTrial } from '../trials/index.ts'
import { NO_PROOF, type Proof, proofOf, provedForms, wayFor } from './continuation.ts'

/** Ollama's default context for a model that is not loaded and sets no `num_ctx`. */
const DEFAULT_CONTEXT_LENGTH = 4096
/** Most models looked up, with one call each; more of them would delay the listing. */
const MAX_MODELS = 128
/** Models on offer, up to which a trial may have Ollama load one. More of them are tried once they are in use. */
const MAX_LOADED_FOR_TRIALS = 3

/** Capabilities of every chat model, and those that Ollama reports. An embedding model has no others. */
export const OLLAMA_CAPABILITIES: Readonly<
  Record<'capabilities' | 'asked', readonly Capability[]>
> = {
  capabilities: ['chat', 'completion', 'json_schema', 'logprobs'],
  asked: ['embedding', 'tools', 'vision'],
}

/** Request fields beyond the common ones that Ollama takes. It has no `tool_choice`. */
export const OLLAMA_FIELDS: {
  readonly chat: readonly string[]
  readonly embedding: readonly string[]
} = {
  chat: [
    'presence_penalty',
    'frequency_penalty',
    'top_k',
    'min_p',
    'repeat_penalty',
    ANSWER_PREFIX,
  ],
  embedding: ['dimensions'],
}

export interface CatalogEntry {
  readonly model: BackendModel
  readonly engineName: string
  /** Stop strings of the Modelfile. A request's own would replace them. */
  readonly stops: readonly string[]
  readonly thinks: boolean
  /** How an answer is continued from its text, so far as trials prove it. */
  readonly continues: Proof
}

export interface ListingInit {
  readonly http: EngineHttp
  readonly digestOf: ((path: string) => Promise<string | undefined>) | undefined
  /** Answers of `/api/show` by manifest digest: they never change for one digest. */
  readonly shown: Map<string, Json>
  /** Names of the models to offer, normalised. @default all */
  readonly wanted: readonly string[] | undefined
}

/** A model as Ollama lists and shows it. */
export interface ListedModel {
  readonly engineName: string
  readonly manifest: string
  readonly details: Json
  readonly shown: Json
  /** Of its weights. */
  readonly digest: string | undefined
  /** The context in use, if it is loaded. */
  readonly contextInUse: number | undefined
  /** Whether a trial may have Ollama load it. */
  readonly mayTry: boolean
}

/** The local models. Those that Ollama forwards to its cloud are not offered. */
export async function readListing(
  init: ListingInit,
  options: AbortOptions,
): Promise<readonly ListedModel[]> {
  const { http } = init
  const { signal } = options
  const [{ models: listed }, { models: loaded }] = await Promise.all([
    http.get('/api/tags', { signal }),
    http.get('/api/ps', { signal }),
  ])
  const inUse = new Map(
    asArray(loaded)
      .map(asRecord)
      .map(({ name, context_length: length }) => [asString(name), asNumber(length)] as const),
  )
  const local = asArray(listed)
    .map(asRecord)
    .filter(({ remote_host: host, remote_model: model }) => !host && !model)
    .filter(({ name }) => init.wanted?.includes(normalizeModelId(asString(name))) ?? true)
  const models: ListedModel[] = []
  for (const { name, digest: manifest, details } of local.slice(0, MAX_MODELS)) {
    const engineName = asString(name)
    const shown = await show(init, engineName, asString(manifest), options)
    if (shown === undefined) continue
    const { modelfile } = shown
    models.push({
      ...{ engineName, shown, manifest: asString(manifest), details: asRecord(details) },
      digest: await digestOf(init, asString(modelfile)),
      contextInUse: inUse.get(engineName),
      mayTry: local.length <= MAX_LOADED_FOR_TRIALS || inUse.has(engineName),
    })
  }
  return models
}

export interface CatalogInit {
  readonly http: EngineHttp
  /** Overrides what Ollama reports. */
  readonly exactCapabilities: readonly Capability[] | undefined
  readonly ask: AskTrial
}

/** What is offered of a model, by what Ollama reports and by the trials so far. Asks for those that are still to come. */
export function entryOf(
  { http, exactCapabilities, ask }: CatalogInit,
  { engineName, manifest, details, shown, digest, contextInUse }: ListedModel,
): CatalogEntry {
  const { parameters, template, capabilities, model_info: info } = shown
  const can = new Set(asArray(capabilities).map(asString))
  const { family, quantization_level: quantization } = details
  const { 'general.parameter_count': count } = asRecord(info)
  const thinks = can.has('thinking')
  const proof = can.has('completion') ? proofOf({ http, engineName, can, manifest, ask }) : NO_PROOF
  return {
    engineName,
    stops: stopsIn(asString(parameters)),
    thinks,
    continues: proof,
    model: {
      id: normalizeModelId(engineName),
      aliases: [],
      ...(digest !== undefined && { digest }),
      family: asString(family),
      parameters: asNumber(count),
      quantization: asString(quantization),
      contextLength: contextInUse || configuredContext(asString(parameters), asRecord(info)),
      templateHash: `sha256:${createHash('sha256').update(asString(template)).digest('hex')}`,
      capabilities: exactCapabilities ?? capabilitiesFrom(can),
      resume: wayFor(proof, []) === undefined ? 'none' : 'prefill',
      fields: [...fieldsFrom(can), ...provedForms(proof).map((form) => resumeField(form, 'text'))],
    },
  }
}

/** A model that vanished since it was listed is left out. */
async function show(
  { http, shown }: ListingInit,
  model: string,
  manifest: string,
  { signal }: AbortOptions,
): Promise<Json | undefined> {
  const known = shown.get(manifest)
  if (known !== undefined) return known
  try {
    const answer = await http.post('/api/show', { model }, { signal })
    if (manifest !== '') shown.set(manifest, answer)
    return answer
  } catch (error) {
    if (InferenceError.is(error, 'model_not_found')) return undefined
    throw error
  }
}

function capabilitiesFrom(can: ReadonlySet<string>): Capability[] {
  if (can.has('embedding')) return ['embedding']
  if (!can.has('completion')) return []
  const { capabilities, asked } = OLLAMA_CAPABILITIES
  return [...capabilities, ...asked.filter((capability) => can.has(capability))]
}

function fieldsFrom(can: ReadonlySet<string>): readonly string[] {
  if (can.has('embedding')) return OLLAMA_FIELDS.embedding
  return can.has('thinking') ? [...OLLAMA_FIELDS.chat, 'reasoning_effort'] : OLLAMA_FIELDS.chat
}

/** `num_ctx` of the Modelfile, else Ollama's default, and never more than the model supports. */
function configuredContext(parameters: string, info: Json): number {
  const [, configured] = /^num_ctx\s+(\d+)/m.exec(parameters) ?? []
  const { 'general.architecture': architecture } = info
  const trained = asNumber(info[`${asString(architecture)}.context_length`])
  const wanted = configured === undefined ? DEFAULT_CONTEXT_LENGTH : Number(configured)
  return trained === 0 ? wanted : Math.min(trained, wanted)
}

/** `stop "<|im_end|>"` lines of the parameters. */
function stopsIn(parameters: string): string[] {
  return Array.from(parameters.matchAll(/^stop\s+(.+)$/gm), ([, value = '']) =>
    unquote(value.trim()),
  )
}

function unquote(text: string): string {
  if (!text.startsWith('"')) return text
  try {
    return asString(JSON.parse(text))
  } catch {
    return text.slice(1, -1)
  }
}

/** The Modelfile names the file of the weights. */
async function digestOf(init: ListingInit, modelfile: string): Promise<string | undefined> {
  const [, path] = /^FROM\s+(\/.+|[A-Za-z]:\\.+)$/m.exec(modelfile) ?? []
  if (path === undefined || init.digestOf === undefined) return undefined
  return await init.digestOf(path.trim()).catch(() => undefined)
}

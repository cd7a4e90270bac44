import {
  type AnswerRequest,
  InferenceError,
  type InferenceRequest,
  normalizeModelId,
} from '../../protocol/index.ts'
import type {
  AbortOptions,
  Backend,
  BackendEvent,
  BackendLoad,
  BackendModel,
  InferOptions,
} from '../backend.ts'
import {
  asArray,
  asNumber,
  createEngineHttp,
  type EngineHttp,
  type EngineHttpInit,
} from '../http/index.ts'
import { MeasuredRates } from '../measured-rates.ts'
import type { TextRequest } from '../request-fields.ts'
import { requireAnswerable, selectModel } from '../select-model.ts'
import { type AnswerState, readLine } from './answer-stream.ts'
import { type CatalogEntry, readCatalog } from './catalog.ts'
import { requestBody } from './request-body.ts'
import { promptBytes, TokenEstimate } from './token-estimate.ts'

/** Pulled models show up at the next look; strangers' requests must not make us ask Ollama over and over. */
const CATALOG_AGE_MS = 10_000

/** How to reach an Ollama, and what it may be given. */
export interface OllamaBackendInit extends Omit<EngineHttpInit, 'apiKey' | 'baseUrl'> {
  /** @default http://127.0.0.1:11434 */
  readonly baseUrl?: string
  /** Offer these only. @default all local models */
  readonly models?: readonly string[]
  /** Requests at a time; Ollama does not tell its OLLAMA_NUM_PARALLEL. @default 1, as Ollama's own */
  readonly slots?: number
  /** Digest of the weights in a file that Ollama names. @default none: the models have no digest */
  readonly digestOf?: (path: string) => Promise<string | undefined>
  /** Milliseconds, monotonic. @default performance.now */
  readonly now?: () => number
}

/**
 * An Ollama server. Prompts that are too long are refused instead of cut; as Ollama does not count them,
 * `promptTokens` of that error is an estimate from the prompts it counted before. Resume is not offered.
 */
export function createOllamaBackend(init: OllamaBackendInit = {}): Backend {
  return new OllamaBackend(init)
}

class OllamaBackend implements Backend {
  readonly description: string
  readonly #init: OllamaBackendInit
  readonly #http: EngineHttp
  readonly #now: () => number
  readonly #rates = new MeasuredRates()
  readonly #estimate = new TokenEstimate()
  readonly #life = new AbortController()
  readonly #shown = new Map<string, Readonly<Record<string, unknown>>>()
  #catalog: { readonly readAt: number; readonly entries: readonly CatalogEntry[] } | undefined

  constructor(init: OllamaBackendInit) {
    this.#init = init
    this.#http = createEngineHttp({ ...init, baseUrl: init.baseUrl ?? 'http://127.0.0.1:11434' })
    this.#now = init.now ?? (() => performance.now())
    this.description = `Ollama at ${this.#http.baseUrl}`
  }

  async models(options: AbortOptions = {}): Promise<readonly BackendModel[]> {
    return (await this.#read(options)).map(({ model }) => model)
  }

  async load({ signal }: AbortOptions = {}): Promise<BackendLoad> {
    if (this.#catalog !== undefined) await this.#http.requireConnection('/api/version', { signal })
    const { prefillRate, decodeRate } = this.#rates
    const state = this.#catalog === undefined ? 'loading' : 'ready'
    return { state, slots: this.#init.slots ?? 1, prefillRate, decodeRate }
  }

  async *infer(
    request: InferenceRequest,
    options: InferOptions = {},
  ): AsyncGenerator<BackendEvent> {
    const life = this.#life.signal
    const signal = options.signal === undefined ? life : AbortSignal.any([options.signal, life])
    signal.throwIfAborted()
    const entries = await this.#read({ signal })
    const models = entries.map(({ model }) => model)
    const model = selectModel(models, request.body.model)
    const entry = entries.find((candidate) => candidate.model === model)
    if (entry === undefined) return
    requireAnswerable(model, request)
    if (options.resume !== undefined) {
      throw new InferenceError(
        'not_resumable',
        `${model.id} cannot go on from a partial answer here`,
      )
    }
    const { path, body } = requestBody(request, entry)
    try {
      if (request.kind === 'embedding') yield* this.#embed(path, body, signal)
      else yield* this.#generate(request, { path, body, model, signal })
    } catch (error) {
      throw this.#withNumbers(error, model, request)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#life.abort(new InferenceError('engine_failed', 'the backend was closed'))
  }

  async *#generate(request: TextRequest, run: Run): AsyncGenerator<BackendEvent> {
    const { path, body, model, signal } = run
    const state: AnswerState = { toolCalls: 0, done: undefined }
    const shape = { kind: request.kind, model: model.id }
    for await (const line of this.#http.stream(path, body, { signal, framing: 'lines' })) {
      const chunk = readLine(line, shape, state)
      if (chunk !== undefined) yield chunk
      if (state.done !== undefined) break
    }
    signal.throwIfAborted()
    if (state.done === undefined) {
      throw new InferenceError(
        'engine_failed',
        'the answer broke off: Ollama never said that it is done',
      )
    }
    this.#rates.observe(state.done.usage, state.done.timings)
    this.#estimate.observe(promptBytes(request), state.done.usage.promptTokens)
    yield state.done
  }

  async *#embed(path: string, body: object, signal: AbortSignal): AsyncGenerator<BackendEvent> {
    const startedAt = this.#now()
    const timeoutMs = this.#init.firstRecordTimeoutMs ?? 300_000
    const answer = await this.#http.post(path, body, { signal, timeoutMs })
    const { embeddings, prompt_eval_count: prompt } = answer
    for (const [index, embedding] of asArray(embeddings).entries()) {
      const json = {
        object: 'embedding',
        index,
        embedding: asArray(embedding).map(Number),
      } as const
      yield { type: 'chunk', json, tokenIds: [], logprobs: [] }
      signal.throwIfAborted()
    }
    yield {
      type: 'done',
      usage: { promptTokens: asNumber(prompt), completionTokens: 0, cachedPromptTokens: 0 },
      timings: { prefillMs: Math.round(this.#now() - startedAt), decodeMs: 0 },
    }
  }

  async #read(options: AbortOptions): Promise<readonly CatalogEntry[]> {
    const cached = this.#catalog
    if (cached !== undefined && this.#now() - cached.readAt < CATALOG_AGE_MS) return cached.entries
    const { digestOf, models } = this.#init
    const all = await readCatalog({ http: this.#http, digestOf, shown: this.#shown }, options)
    const wanted = models?.map(normalizeModelId)
    const entries = all.filter(
      ({ model }) =>
        model.capabilities.length > 0 && (wanted === undefined || wanted.includes(model.id)),
    )
    this.#catalog = { readAt: this.#now(), entries }
    return entries
  }

  /** Ollama says only that the prompt is too long. */
  #withNumbers(error: unknown, { contextLength }: BackendModel, request: AnswerRequest): unknown {
    if (!InferenceError.is(error, 'context_too_long')) return error
    const estimate = this.#estimate.tokens(promptBytes(request))
    const promptTokens = Math.max(estimate, contextLength + 1)
    const message = `the prompt has about ${promptTokens} tokens, the context holds ${contextLength}`
    return new InferenceError('context_too_long', message, {
      cause: error,
      details: { promptTokens, contextLength },
    })
  }
}

interface Run {
  readonly path: string
  readonly body: object
  readonly model: BackendModel
  readonly signal: AbortSignal
}

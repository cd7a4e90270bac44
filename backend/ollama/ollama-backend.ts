import {
  type Capability,
  embeddingInputs,
  InferenceError,
  type InferenceRequest,
  normalizeModelId,
  type Resume,
  resumeFormsOf,
} from '../../protocol/index.ts'
import type { AbortOptions } from '../../timing/index.ts'
import type { Backend, BackendEvent, BackendLoad, BackendModel, InferOptions } from '../backend.ts'
import { channelled } from '../channels/index.ts'
import { rewritten, spentAnswer } from '../continuation/index.ts'
import {
  createEngineHttp,
  type EngineHttp,
  type EngineHttpInit,
  unresponsive,
} from '../http/index.ts'
import { MeasuredRates } from '../measured-rates.ts'
import type { ModelManager } from '../model-manager.ts'
import type { TextRequest } from '../request-fields.ts'
import { requireAnswerable, resumeMeans, selectModel } from '../select-model.ts'
import { countAt, type Json, listAt, vectorsOf } from '../shapes/index.ts'
import { promptBytes, TokenEstimate, withNumbers } from '../token-estimate.ts'
import { FirstTrials, Trials } from '../trials/index.ts'
import { emptyState, readLine } from './answer-stream.ts'
import { type CatalogEntry, entryOf, type ListedModel, readListing } from './catalog.ts'
import { type LoadWatch, watchLoading } from './load-state.ts'
import { readMarked } from './marked-answer.ts'
import { OllamaManager } from './model-manager.ts'
import { requestBody } from './request-body.ts'
import { restOf, sentBody } from './sent-body.ts'
import type { SentBody } from './written-tokens.ts'

/** Age after which the list is refreshed, so that requests of other peers do not query Ollama each time. */
const CATALOG_AGE_MS = 10_000

/** How to reach an Ollama server, and what to offer of it. */
export interface OllamaBackendInit extends Omit<EngineHttpInit, 'apiKey' | 'baseUrl'> {
  /** @default http://127.0.0.1:11434 */
  readonly baseUrl?: string
  /** Offer these only. @default all local models */
  readonly models?: readonly string[]
  /** What the models can do, overriding what Ollama reports. @default as reported */
  readonly exactCapabilities?: readonly Capability[] | undefined
  /** Requests at a time; Ollama does not report its OLLAMA_NUM_PARALLEL. @default 1, as Ollama's own */
  readonly slots?: number
  /** Digest of the weights in a file that Ollama names. @default none: the models have no digest */
  readonly digestOf?: (path: string) => Promise<string | undefined>
  /** Milliseconds, monotonic. @default performance.now */
  readonly now?: () => number
}

/**
 * An Ollama server. Prompts that are too long are rejected instead of truncated; since Ollama does not count them,
 * `promptTokens` of that error is an estimate from the prompts it counted before. Answers resume from
 * their text, in the forms that a trial proves.
 */
export function createOllamaBackend(init: OllamaBackendInit = {}): Backend {
  return new OllamaBackend(init)
}

/** Answered at once, also while a model is loaded or used. */
const ALIVE_PATH = '/api/version'

class OllamaBackend implements Backend {
  readonly description: string
  readonly manager: ModelManager
  readonly #init: OllamaBackendInit
  readonly #http: EngineHttp
  readonly #now: () => number
  readonly #rates = new MeasuredRates()
  readonly #estimate = new TokenEstimate()
  readonly #life = new AbortController()
  readonly #shown = new Map<string, Json>()
  readonly #trials: Trials
  #coldStartMs: number | undefined
  #version: string | undefined
  #listing: readonly ListedModel[] = []
  readonly #firstTrials: FirstTrials
  #catalog: { readonly readAt: number; readonly entries: readonly CatalogEntry[] } | undefined

  constructor(init: OllamaBackendInit) {
    this.#init = init
    const baseUrl = init.baseUrl ?? 'http://127.0.0.1:11434'
    const { signal } = this.#life
    this.#http = createEngineHttp({ ...init, baseUrl }, { signal, onDown: () => this.#lost() })
    this.#now = init.now ?? (() => performance.now())
    this.#http.watchBy(ALIVE_PATH)
    this.#trials = new Trials({ signal, onVerdict: () => this.#renew() })
    this.#firstTrials = new FirstTrials(this.#trials)
    this.manager = new OllamaManager(this.#http, () => this.#expire())
    this.description = `Ollama at ${this.#http.baseUrl}`
  }

  async models(options: AbortOptions = {}): Promise<readonly BackendModel[]> {
    return (await this.#read(options)).map(({ model }) => model)
  }

  async load({ signal }: AbortOptions = {}): Promise<BackendLoad> {
    if (
      this.#catalog !== undefined &&
      (await this.#http.requireConnection(ALIVE_PATH, { signal })) === 'none'
    )
      throw unresponsive()
    const { prefillRate, decodeRate } = this.#rates
    const state = this.#catalog === undefined ? 'loading' : 'ready'
    const coldStartMs = this.#coldStartMs
    return {
      ...{ state, slots: this.#init.slots ?? 1, prefillRate, decodeRate },
      modelsRevision: this.#trials.revision,
      ...(coldStartMs !== undefined && { coldStartMs }),
    }
  }

  async *infer(
    request: InferenceRequest,
    options: InferOptions = {},
  ): AsyncGenerator<BackendEvent> {
    this.#life.signal.throwIfAborted()
    const signal = options.signal ?? this.#life.signal
    signal.throwIfAborted()
    const entries = await this.#read({ signal })
    const models = entries.map(({ model }) => model)
    const model = selectModel(models, request.body.model)
    const entry = entries.find((candidate) => candidate.model === model)
    if (entry === undefined) return
    requireAnswerable(model, request)
    const { resume } = options
    if (resume !== undefined) resumeMeans(model, request, resume)
    const begun = new AbortController()
    const load = watchLoading(this.#http, entry.engineName, {
      signal: AbortSignal.any([signal, begun.signal]),
      onProgress: options.onProgress,
    })
    const watch = { load, onBegun: (): void => begun.abort() }
    try {
      if (request.kind === 'embedding') {
        const { path, body } = requestBody(request, entry)
        yield* this.#embed(embeddingInputs(request.body.input).length, { path, body, signal })
      } else if (resume === undefined) {
        const sent = await sentBody(this.#http, request, entry, { signal })
        yield* this.#generate(request, { ...sent, model, signal, ...watch })
      } else yield* this.#resume(request, entry, { resume, signal, ...watch })
    } catch (error) {
      throw withNumbers(error, { model, request, estimate: this.#estimate })
    } finally {
      begun.abort()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#life.abort(new InferenceError('engine_failed', 'the backend was closed'))
  }

  /** Continues an answer from its text. A structured one is written again, up to where the caller has it. */
  async *#resume(
    request: TextRequest,
    entry: CatalogEntry,
    {
      resume,
      signal,
      ...watch
    }: { readonly resume: Resume } & Pick<Run, 'load' | 'onBegun' | 'signal'>,
  ): AsyncGenerator<BackendEvent> {
    const { model } = entry
    if (!resumeFormsOf(request, resume).includes('json')) {
      const sent = await restOf(this.#http, request, entry, { resume, signal })
      if (sent === undefined) yield* spentAnswer(request.kind, model.id)
      else {
        const asMessage = sent.path === '/api/chat'
        yield* this.#generate(request, { ...sent, model, signal, asMessage, ...watch })
      }
      return
    }
    const { temperature, seed } = request.body
    if (temperature !== 0 && typeof seed !== 'number') {
      throw new InferenceError(
        'not_resumable',
        `${model.id} can only write a structured answer again, which needs temperature 0 or a seed`,
      )
    }
    const { path, body } = requestBody(request, entry)
    yield* rewritten(this.#generate(request, { path, body, model, signal, ...watch }), resume)
  }

  async *#generate(request: TextRequest, run: Run): AsyncGenerator<BackendEvent> {
    const { model, signal, load, reading } = run
    const state = emptyState()
    const { path, body, onBegun } = run
    const form = path === '/api/chat' ? 'chat' : 'generate'
    const shape = { kind: request.kind, model: model.id, form } as const
    const read = reading === undefined ? channelled(model.id) : readMarked(reading)
    for await (const lines of this.#http.stream(path, body, {
      ...{ signal, framing: 'lines', isRequest: true, mayHold: true },
    })) {
      onBegun()
      for (const line of lines) {
        const sent = readLine(line, shape, state)
        const chunk = sent && read(sent)
        if (chunk !== undefined) yield chunk
        if (state.done !== undefined) break
      }
      if (state.done !== undefined) break
    }
    signal.throwIfAborted()
    if (state.done === undefined) {
      throw new InferenceError('engine_failed', 'Ollama ended its answer without a final line')
    }
    if (load.cold === true && state.loadMs > 0) this.#coldStartMs = state.loadMs
    this.#rates.observe(state.done.usage, state.done.timings)
    this.#estimate.observe(promptBytes(request), state.done.usage.promptTokens)
    yield run.asMessage === true ? { ...state.done, asMessage: true } : state.done
  }

  async *#embed(
    count: number,
    { path, body, signal }: Pick<Run, 'body' | 'path' | 'signal'>,
  ): AsyncGenerator<BackendEvent> {
    const startedAt = this.#now()
    const answer = await this.#http.post(path, body, { signal, isRequest: true })
    const { embeddings, prompt_eval_count: prompt } = answer
    const rows = listAt(embeddings, 'embeddings').map((embedding) => ({ embedding }))
    const promptTokens = countAt(prompt, 'prompt_eval_count') ?? 0
    for (const [index, embedding] of vectorsOf(rows, count, 'embeddings').entries()) {
      const json = { object: 'embedding', index, embedding } as const
      yield { type: 'chunk', json, tokenIds: [], logprobs: [] }
      signal.throwIfAborted()
    }
    yield {
      type: 'done',
      usage: { promptTokens, completionTokens: 0, cachedPromptTokens: 0 },
      timings: { prefillMs: Math.round(this.#now() - startedAt), decodeMs: 0 },
    }
  }

  async #read(options: AbortOptions): Promise<readonly CatalogEntry[]> {
    const cached = this.#catalog
    if (cached === undefined || this.#now() - cached.readAt >= CATALOG_AGE_MS) {
      await this.#lookAtVersion(options)
      const { digestOf, models } = this.#init
      const wanted = models?.map(normalizeModelId)
      const init = { http: this.#http, digestOf, wanted, shown: this.#shown }
      this.#listing = await readListing(init, options)
      this.#catalog = { readAt: this.#now(), entries: this.#entries() }
    }
    await this.#firstTrials.wait(options)
    return this.#catalog?.entries ?? []
  }

  /** Another version may report, and do, other things. Servers with Ollama's API may lack the path. */
  async #lookAtVersion({ signal }: AbortOptions): Promise<void> {
    const { version } = await this.#http.get(ALIVE_PATH, { signal }).catch((): Json => ({}))
    if (typeof version !== 'string' || version === this.#version) return
    if (this.#version !== undefined) this.#lost()
    this.#version = version
  }

  /** Ollama is down. When it is back it may be another version, with other settings: it is asked, and tried, anew. */
  #lost(): void {
    if (this.#catalog === undefined) return
    this.#expire()
    this.#shown.clear()
    this.#trials.forget()
    this.#firstTrials.restart()
  }

  /** The models are listed again before the next use. */
  #expire(): void {
    if (this.#catalog === undefined) return
    this.#catalog = { ...this.#catalog, readAt: Number.NEGATIVE_INFINITY }
  }

  /** After a verdict. */
  #renew(): void {
    if (this.#catalog !== undefined) this.#catalog = { ...this.#catalog, entries: this.#entries() }
  }

  #entries(): readonly CatalogEntry[] {
    const { exactCapabilities } = this.#init
    const { ask, known } = this.#trials
    const init = { http: this.#http, exactCapabilities }
    return this.#listing
      .map((listed) => entryOf({ ...init, ask: listed.mayTry ? ask : known }, listed))
      .filter(({ model }) => model.capabilities.length > 0)
  }
}

interface Run extends SentBody {
  readonly model: BackendModel
  readonly signal: AbortSignal
  readonly load: LoadWatch
  /** Called when the engine has begun to answer. */
  readonly onBegun: () => void
  /** Whether an answer is continued as a final assistant message. */
  readonly asMessage?: boolean
}

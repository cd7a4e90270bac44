import { createHash } from 'node:crypto'
import { InferenceError, type InferenceRequest } from '../../protocol/index.ts'
import { systemClock } from '../../timing/index.ts'
import type { Backend, BackendEvent, BackendLoad, BackendModel, InferOptions } from '../backend.ts'
import { type GgufHeader, ggufFacts, readGgufHeader } from '../gguf/index.ts'
import { requireSupport, selectModel } from '../select-model.ts'
import { cachedWeightsDigest } from '../weights/index.ts'
import { answerSchema } from './answer-schema.ts'
import { embeddedFields } from './declared.ts'
import { EngineKeeper } from './engine-keeper.ts'
import type { EngineProcess } from './engine-process.ts'
import { EventQueue } from './event-queue.ts'
import { GrammarBuilder } from './grammar-builder.ts'
import type { HoldingGrammar } from './holding-grammar.ts'
import { type EmbeddedInit, type ResolvedInit, resolveInit } from './init.ts'
import type { EngineFacts, RequestEvent } from './messages.ts'
import { endsRequest, shaperOf } from './shape-event.ts'
import { type TemplateTraits, traitsOf } from './template-traits.ts'

/** The digest of a file up to this size is awaited; that of a larger one appears in `models()` later. */
const QUICK_DIGEST_BYTES = 67_108_864

export interface EmbeddedBackend extends Backend {
  /** Process of the engine; `undefined` between a death and the restart. */
  readonly pid: number | undefined
  /** The GPU interface in use: `cuda`, `metal` or `vulkan`; `false` on the CPU alone. */
  readonly gpu: string | false
  /** Memory of the engine process once the model was loaded, in bytes. */
  readonly memoryBytes: number
  /** Requests that the engine process has not ended yet, cancelled ones included. */
  readonly active: number
  /** Tokens read and written for all requests that were answered or cancelled so far. */
  readonly evaluatedTokens: number
}

/**
 * llama.cpp in a process of its own, with one model. Resolves once the model is loaded and its speed was measured.
 * A process that dies fails the requests it worked on and is started again.
 *
 * Resumes by token ids, with a seed at any temperature too: exactly up to `exactResumeTokens`, beyond that exactly but
 * for near ties. The usage of a resumed answer counts the tokens
 * generated here. Penalties count the tokens of the answer, not those of the prompt. Logprobs are those of the
 * distribution that the token was drawn from. JSON answers keep to their schema; one that a grammar cannot keep to is
 * refused with `capability_unavailable`. An embedding is cancelled between two inputs.
 *
 * @throws InferenceError `invalid_request` for a file that is not a model, `engine_failed` where it cannot be loaded or
 * node-llama-cpp is not installed; the signal's reason.
 */
export async function createEmbeddedBackend(init: EmbeddedInit): Promise<EmbeddedBackend> {
  const resolved = resolveInit(init)
  const header = await readGgufHeader(resolved.modelPath)
  const backend = new EmbeddedEngine(resolved, header)
  try {
    await backend.start()
  } catch (error) {
    await backend[Symbol.asyncDispose]()
    throw error
  }
  return backend
}

class EmbeddedEngine implements EmbeddedBackend {
  readonly description: string
  evaluatedTokens = 0
  memoryBytes = 0
  readonly #init: ResolvedInit
  readonly #header: GgufHeader
  readonly #facts: ReturnType<typeof ggufFacts>
  readonly #traits: TemplateTraits
  readonly #keeper: EngineKeeper
  readonly #grammars: GrammarBuilder
  readonly #requests = new Map<number, EventQueue<RequestEvent>>()
  /** Kills a process that has not stopped a cancelled request in time. */
  readonly #cancelled = new Map<number, NodeJS.Timeout>()
  /** Requests that wait for the model to be loaded. */
  readonly #loading = new Set<(share: number) => void>()
  readonly #life = new AbortController()
  #loaded: EngineFacts | undefined
  #digest: string | undefined
  #lastId = 0

  constructor(init: ResolvedInit, header: GgufHeader) {
    const { modelPath, contextSize, threads, gpu } = init
    const facts = withTemplate(ggufFacts(header), init.chatTemplate)
    this.description = `embedded llama.cpp with ${modelPath}`
    this.#init = init
    this.#header = header
    this.#facts = facts
    this.#traits = traitsOf(facts.chatTemplate)
    this.#grammars = new GrammarBuilder({ modelPath, clock: systemClock })
    this.#keeper = new EngineKeeper({
      settings: {
        modelPath,
        slots: init.slots,
        contextSize,
        threads,
        gpu,
        exactResumeTokens: init.exactResumeTokens,
        embeddingOnly: facts.embeddingOnly,
        ...(facts.chatTemplate !== undefined && { chatTemplate: facts.chatTemplate }),
      },
      startTimeoutMs: init.startTimeoutMs,
      onProgress: (share) => {
        init.onProgress(share)
        for (const report of this.#loading) report(share)
      },
      onEvent: (id, event) => this.#onEvent(id, event),
      isAtRest: () => this.active === 0,
      onDeath: (reason, isHung) => this.#onDeath(reason, isHung),
    })
  }

  async start(): Promise<void> {
    const digest = this.#readDigest()
    const { facts, memoryBytes } = await this.#keeper.firstStart(this.#init.signal)
    this.#loaded = facts
    this.memoryBytes = memoryBytes
    if (this.#header.fileBytes <= QUICK_DIGEST_BYTES) await digest
  }

  get pid(): number | undefined {
    return this.#keeper.pid
  }

  get gpu(): string | false {
    return this.#loaded?.gpu ?? false
  }

  get active(): number {
    return this.#requests.size
  }

  async models(): Promise<readonly BackendModel[]> {
    return [this.#model()]
  }

  async load(): Promise<BackendLoad> {
    const { coldStartMs } = this.#keeper
    return {
      state: this.#keeper.isReady ? 'ready' : 'loading',
      slots: this.#facts.embeddingOnly ? 1 : this.#init.slots,
      ...this.#keeper.rates,
      ...(coldStartMs !== undefined && { coldStartMs }),
    }
  }

  async *infer(
    request: InferenceRequest,
    options: InferOptions = {},
  ): AsyncGenerator<BackendEvent, void, void> {
    const { signal, resume, cacheGroup, onProgress } = options
    signal?.throwIfAborted()
    const model = selectModel([this.#model()], request.body.model)
    requireSupport(model, request)
    if (resume !== undefined && (request.kind === 'embedding' || request.kind === 'score')) {
      throw new InferenceError(
        'not_resumable',
        `a request of kind ${request.kind} cannot be resumed`,
      )
    }
    const shape = shaperOf(request, model.id)
    const grammar = await this.#grammarOf(request, signal)
    const engine = await this.#engine(signal, onProgress)
    // It may have fired while the engine was awaited; the event does not fire twice.
    signal?.throwIfAborted()
    const id = ++this.#lastId
    const queue = new EventQueue<RequestEvent>()
    this.#requests.set(id, queue)
    const abort = (): void => queue.fail(signal?.reason)
    signal?.addEventListener('abort', abort, { once: true })
    let ended = false
    try {
      engine.send({ type: 'infer', id, request, group: cacheGroup, resume, grammar })
      while (!ended) {
        const event = await queue.next()
        if (event.type === 'prefill') {
          onProgress?.({ phase: 'prefill', tokens: event.tokens, of: event.of })
          continue
        }
        ended = endsRequest(event)
        yield shape(event)
      }
    } finally {
      signal?.removeEventListener('abort', abort)
      if (!ended) this.#cancel(engine, id)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#life.abort()
    this.#grammars[Symbol.dispose]()
    await this.#keeper.close()
  }

  /** The request keeps its slot until the engine confirms that it has stopped. */
  #cancel(engine: EngineProcess, id: number): void {
    if (!this.#requests.has(id)) return
    engine.send({ type: 'cancel', id })
    this.#cancelled.set(
      id,
      setTimeout(() => engine.kill(), this.#init.cancelTimeoutMs),
    )
  }

  #forget(id: number): void {
    clearTimeout(this.#cancelled.get(id))
    this.#cancelled.delete(id)
    this.#requests.delete(id)
  }

  async #grammarOf(
    request: InferenceRequest,
    signal: AbortSignal | undefined,
  ): Promise<HoldingGrammar | undefined> {
    if (request.kind !== 'chat') return undefined
    const answer = answerSchema(request.body, this.#traits.toolFormat)
    if (answer === undefined) return undefined
    try {
      const { holds, schema } = answer
      return { holds, text: await this.#grammars.text(schema, signal) }
    } catch (error) {
      if (answer.isOptional && InferenceError.is(error, 'capability_unavailable')) return undefined
      throw error
    }
  }

  async #engine(
    signal: AbortSignal | undefined,
    onProgress: InferOptions['onProgress'],
  ): Promise<EngineProcess> {
    const onLoading = (share: number): void => onProgress?.({ phase: 'loading', share })
    for (;;) {
      const { current } = this.#keeper
      if (current !== undefined) return current
      this.#loading.add(onLoading)
      try {
        await this.#keeper.whenReady(this.#init.readyTimeoutMs, signal)
      } finally {
        this.#loading.delete(onLoading)
      }
    }
  }

  #onEvent(id: number, event: RequestEvent): void {
    if (event.type === 'done') this.#keeper.noteRates(event.rates)
    if (event.type === 'done' || event.type === 'cancelled') {
      this.evaluatedTokens += event.evaluatedTokens
    }
    this.#requests.get(id)?.push(event)
    if (endsRequest(event)) this.#forget(id)
  }

  #onDeath(reason: string, isHung: boolean): void {
    // A request that met a hung engine may be retried, here or elsewhere.
    const code = isHung ? 'loading' : 'engine_failed'
    for (const [id, queue] of this.#requests) {
      this.#forget(id)
      queue.fail(new InferenceError(code, reason))
    }
  }

  #model(): BackendModel {
    const { family, parameters, quantization, templateHash } = this.#facts
    const { modelId, aliases } = this.#init
    const { contextLength = 0, capabilities = [] } = this.#loaded ?? {}
    return {
      id: modelId,
      aliases,
      ...(this.#digest !== undefined && { digest: this.#digest }),
      family,
      parameters,
      quantization,
      contextLength,
      templateHash,
      capabilities,
      resume: this.#facts.embeddingOnly ? 'none' : 'tokens',
      fields: embeddedFields(capabilities, this.#traits),
    }
  }

  /** The model is usable without a digest, so failing to compute it is not an error. */
  async #readDigest(): Promise<void> {
    const { modelPath, cacheDir } = this.#init
    const digest = cachedWeightsDigest(modelPath, {
      header: this.#header,
      signal: this.#life.signal,
      ...(cacheDir !== undefined && { cacheDir }),
    })
    this.#digest = await digest.catch(() => undefined)
  }
}

type Facts = ReturnType<typeof ggufFacts>

function withTemplate(facts: Facts, chatTemplate: string | undefined): Facts {
  if (chatTemplate === undefined) return facts
  const hash = createHash('sha256').update(chatTemplate).digest('hex')
  return { ...facts, chatTemplate, templateHash: `sha256:${hash}` }
}

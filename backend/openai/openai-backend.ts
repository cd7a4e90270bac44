import {
  type AnswerRequest,
  embeddingInputs,
  InferenceError,
  type InferenceRequest,
  type Resume,
  type Usage,
} from '../../protocol/index.ts'
import type { AbortOptions } from '../../timing/index.ts'
import type {
  Backend,
  BackendChunk,
  BackendDone,
  BackendEvent,
  BackendLoad,
  BackendModel,
  InferOptions,
} from '../backend.ts'
import { channelled } from '../channels/index.ts'
import { continued, type RepeatedStartInit, spentAnswer } from '../continuation/index.ts'
import { createEngineHttp, type EngineHttp, unresponsive } from '../http/index.ts'
import { MeasuredRates } from '../measured-rates.ts'
import type { ModelManager } from '../model-manager.ts'
import { isPlainText, maxTokensOf, type TextRequest, wantsLogprobs } from '../request-fields.ts'
import { requireSupport, resumeMeans, selectModel } from '../select-model.ts'
import { usageAt, vectorsOf } from '../shapes/index.ts'
import { promptBytes, TokenEstimate, withNumbers } from '../token-estimate.ts'
import { type AnswerSummary, emptySummary, readEvent } from './answer-stream.ts'
import { CacheSalts } from './cache-salts.ts'
import { FLAVORS } from './flavor.ts'
import { apiRoot, serverRoot } from './identify.ts'
import { KeptCatalog } from './kept-catalog.ts'
import { isReport } from './llama-progress.ts'
import { LlamaRouter } from './llama-router.ts'
import { llamaScore } from './llama-score.ts'
import { llamaTokens } from './llama-tokens.ts'
import type { OpenAiBackendInit } from './openai-backend-init.ts'
import { requestBody, startOf } from './request-body.ts'
import { answerByTokens } from './token-answer.ts'
import { vllmScore } from './vllm-score.ts'
import { vllmTokens } from './vllm-tokens.ts'

/**
 * An engine behind OpenAI's HTTP protocol. The dialect is detected at the first call. Token ids, scores and exact resume
 * are offered at a llama-server or vLLM that proves them by a trial; elsewhere an interrupted answer is `not_resumable`.
 */
export function createOpenAiBackend(init: OpenAiBackendInit): Backend {
  return new OpenAiBackend(init)
}

class OpenAiBackend implements Backend {
  readonly #init: OpenAiBackendInit
  readonly #root: EngineHttp
  readonly #rates = new MeasuredRates()
  readonly #estimate = new TokenEstimate()
  readonly #now: () => number
  readonly #life = new AbortController()
  readonly #salts = new CacheSalts()
  readonly #catalog: KeptCatalog
  #router: LlamaRouter | undefined

  constructor(init: OpenAiBackendInit) {
    this.#init = init
    const baseUrl = init.assumed === true ? apiRoot(init.baseUrl) : serverRoot(init.baseUrl)
    this.#root = createEngineHttp({ ...init, baseUrl }, { onDown: () => this.#catalog.lost() })
    this.#now = init.now ?? (() => performance.now())
    this.#catalog = new KeptCatalog({
      ...init,
      ...{ root: this.#root, now: this.#now, signal: this.#life.signal },
    })
  }

  /** Known once the models were asked for. */
  get manager(): ModelManager | undefined {
    return this.#router
  }

  get description(): string {
    const kind = this.#catalog.latest?.flavor ?? 'generic'
    return `${FLAVORS[kind].title} at ${this.#root.baseUrl}`
  }

  async models(options: AbortOptions = {}): Promise<readonly BackendModel[]> {
    const { entries, isRouter } = await this.#catalog.read(options)
    if (isRouter) this.#router ??= new LlamaRouter(this.#root)
    return entries.map(({ model }) => model)
  }

  async load({ signal }: AbortOptions = {}): Promise<BackendLoad> {
    const { prefillRate, decodeRate } = this.#rates
    const known = this.#catalog.latest
    const slots = this.#init.slots ?? known?.slots ?? 1
    const asked = known !== undefined || this.#init.assumed === true
    let state: BackendLoad['state'] = asked ? 'ready' : 'loading'
    if (known !== undefined && this.#init.assumed !== true) {
      const { alivePath } = FLAVORS[known.flavor]
      const reply = await this.#root.requireConnection(alivePath ?? '/v1/models', { signal })
      if (alivePath !== undefined && reply === 'none') throw unresponsive()
      if (alivePath !== undefined && reply === 'refuses') state = 'loading'
    }
    const modelsRevision = this.#catalog.revision
    return { state, slots, prefillRate, decodeRate, modelsRevision }
  }

  async *infer(
    request: InferenceRequest,
    options: InferOptions = {},
  ): AsyncGenerator<BackendEvent> {
    const signal = this.#joined(options.signal)
    signal.throwIfAborted()
    const catalog = await this.#catalog.having(request.body.model, { signal })
    const model = selectModel(
      catalog.entries.map((entry) => entry.model),
      request.body.model,
    )
    requireSupport(model, request)
    const entry = catalog.entries.find((each) => each.model === model)
    const { engineName = model.id, continuation } = entry ?? {}
    const cacheSalt = this.#salts.of(options.cacheGroup)
    const http = this.#root
    if (request.kind === 'score') {
      yield* catalog.flavor === 'vllm'
        ? vllmScore(request.body, { http, engineName, cacheSalt, signal })
        : llamaScore(request.body, { http, signal })
      return
    }
    const { resume } = options
    const means = resume === undefined ? undefined : resumeMeans(model, request, resume)
    const byTokens =
      request.kind !== 'embedding' &&
      model.resume === 'tokens' &&
      isPlainText(request) &&
      (resume?.reasoning ?? '') === '' &&
      // llama-server reports no ids elsewhere; vLLM's other endpoints do, except for a resumed answer.
      (catalog.flavor === 'llama-server' || resume !== undefined)
    if (means === 'text' && !byTokens && isSpent(request, resume)) {
      yield* spentAnswer(request.kind, model.id)
      return
    }
    const sent = requestBody(request, {
      flavor: catalog.flavor,
      engineName,
      cacheSalt,
      reportsTokens: model.capabilities.includes('token_ids'),
      newerMaxTokens: this.#takesNewerMaxTokens(request),
      continuation,
      ...(means === 'text' && { resume }),
    })
    const path = this.#init.assumed === true ? sent.path.replace(/^\/v1/, '') : sent.path
    const { body } = sent
    const { hops, onProgress } = options
    try {
      if (request.kind === 'embedding') {
        yield* this.#embed(request, { path, body, model, signal, hops })
      } else if (byTokens) {
        const { contextLength } = model
        const engine =
          catalog.flavor === 'vllm'
            ? vllmTokens({ http, engineName, contextLength, cacheSalt })
            : llamaTokens(http)
        for await (const event of answerByTokens(request, {
          ...{ engine, model: model.id, resume, signal, onProgress },
        })) {
          if (event.type === 'done') this.#rates.observe(event.usage, event.timings)
          yield event
        }
      } else {
        const start = startOf(request, { continuation, resume })
        const asMessage = means === 'text' && request.kind === 'chat'
        const run = { path, body, model, signal, hops, onProgress, start, asMessage }
        yield* this.#generate(request, run)
      }
    } catch (error) {
      throw withNumbers(error, { model, request, estimate: this.#estimate })
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#life.abort(new InferenceError('engine_failed', 'the backend was closed'))
  }

  async *#generate(request: TextRequest, run: Run): AsyncGenerator<BackendEvent> {
    const { signal, start } = run
    const summary = emptySummary()
    const startedAt = this.#now()
    let firstAt: number | undefined
    const chunks = channelled(this.#chunks(request, run, summary), run.model.id)
    for await (const chunk of start === undefined ? chunks : continued(chunks, start)) {
      firstAt ??= this.#now()
      yield chunk
    }
    signal.throwIfAborted()
    if (summary.finish === undefined) {
      throw new InferenceError(
        'engine_failed',
        'the engine ended its answer without a finish reason',
      )
    }
    const done = this.#done(summary, startedAt, firstAt ?? startedAt)
    this.#estimate.observe(promptBytes(request), done.usage.promptTokens)
    yield run.asMessage ? { ...done, asMessage: true } : done
  }

  async *#chunks(
    request: TextRequest,
    { path, body, model, signal, hops, onProgress }: Run,
    summary: AnswerSummary,
  ): AsyncGenerator<BackendChunk> {
    const shape = {
      kind: request.kind,
      model: model.id,
      withLogprobs: wantsLogprobs(request),
      withTokenIds: model.capabilities.includes('token_ids'),
    }
    const mayHold = request.kind === 'chat' && (request.body.tools?.length ?? 0) > 0
    for await (const data of this.#root.stream(path, body, {
      ...{ signal, hops, framing: 'events', isReport, isRequest: true, mayHold },
    })) {
      const chunk = readEvent(data, shape, summary, onProgress)
      if (chunk !== undefined) yield chunk
    }
  }

  #done(summary: AnswerSummary, startedAt: number, firstAt: number): BackendDone {
    const usage: Usage = {
      promptTokens: 0,
      completionTokens: summary.pieces,
      cachedPromptTokens: 0,
      ...summary.usage,
    }
    const timings = summary.timings ?? {
      prefillMs: Math.round(firstAt - startedAt),
      decodeMs: Math.round(this.#now() - firstAt),
    }
    this.#rates.observe(usage, timings)
    return { type: 'done', usage, timings }
  }

  async *#embed(
    request: Extract<AnswerRequest, { kind: 'embedding' }>,
    { path, body, signal, hops }: Run,
  ): AsyncGenerator<BackendEvent> {
    const startedAt = this.#now()
    const { data, usage } = await this.#root.post(path, body, { signal, hops, isRequest: true })
    const { length } = embeddingInputs(request.body.input)
    const promptTokens = usageAt(usage, 'usage')?.promptTokens ?? 0
    for (const [index, embedding] of vectorsOf(data, length, 'data').entries()) {
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

  /** OpenAI's newer models accept only the newer name, which compatible APIs may not know. */
  #takesNewerMaxTokens(request: InferenceRequest): boolean {
    if (new URL(this.#root.baseUrl).hostname === 'api.openai.com') return true
    const named = request.kind === 'chat' ? request.body.max_completion_tokens : undefined
    return this.#init.assumed === true && named !== undefined && named !== null
  }

  #joined(signal: AbortSignal | undefined): AbortSignal {
    return signal === undefined ? this.#life.signal : AbortSignal.any([signal, this.#life.signal])
  }
}

/** Whether the answer to be resumed has all the tokens that it may have. */
function isSpent(request: AnswerRequest, resume: Resume | undefined): boolean {
  const allowed = request.kind === 'embedding' ? undefined : maxTokensOf(request)
  return allowed !== undefined && (resume?.tokens ?? 0) >= allowed
}

interface Run {
  readonly path: string
  readonly body: object
  readonly model: BackendModel
  readonly signal: AbortSignal
  readonly hops: number | undefined
  readonly onProgress?: InferOptions['onProgress']
  readonly start?: RepeatedStartInit | undefined
  /** Whether an answer is continued as a final assistant message. */
  readonly asMessage?: boolean
}

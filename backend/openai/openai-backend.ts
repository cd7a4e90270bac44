import {
  type AnswerRequest,
  embeddingInputs,
  InferenceError,
  type InferenceRequest,
  type Resume,
} from '../../protocol/index.ts'
import type { AbortOptions } from '../../timing/index.ts'
import type {
  Backend,
  BackendDone,
  BackendEvent,
  BackendLoad,
  BackendModel,
  InferOptions,
} from '../backend.ts'
import { spentAnswer } from '../continuation/index.ts'
import { createEngineHttp, type EngineHttp, unresponsive } from '../http/index.ts'
import { MeasuredRates } from '../measured-rates.ts'
import type { ModelManager } from '../model-manager.ts'
import { isPlainText, maxTokensOf, type TextRequest } from '../request-fields.ts'
import { requireSupport, resumeMeans, selectModel } from '../select-model.ts'
import { usageAt, vectorsOf } from '../shapes/index.ts'
import { promptBytes, TokenEstimate, withNumbers } from '../token-estimate.ts'
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
import { TextAnswer } from './text-answer.ts'
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
  readonly #isOpenAi: boolean
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
    const { signal } = this.#life
    this.#root = createEngineHttp(
      { ...init, baseUrl },
      { signal, onDown: () => this.#catalog.lost() },
    )
    this.#isOpenAi = URL.parse(this.#root.baseUrl)?.hostname === 'api.openai.com'
    this.#now = init.now ?? (() => performance.now())
    this.#catalog = new KeptCatalog({
      ...init,
      ...{ root: this.#root, now: this.#now, signal },
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
    this.#life.signal.throwIfAborted()
    const signal = options.signal ?? this.#life.signal
    signal.throwIfAborted()
    const catalog = await this.#catalog.having(request.body.model, { signal })
    const model = selectModel(catalog.models, request.body.model)
    requireSupport(model, request)
    const entry = catalog.entries.find((each) => each.model === model)
    const { engineName = model.id, continuation } = entry ?? {}
    const takesSalt = FLAVORS[catalog.flavor].cacheSalt
    const cacheSalt = takesSalt ? this.#salts.of(options.cacheGroup) : undefined
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
        yield* this.#embed(request, { path, body, signal, hops })
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
        const answer = new TextAnswer(request, {
          ...{ model, onProgress, now: this.#now },
          start: startOf(request, { continuation, resume }),
          asMessage: means === 'text' && request.kind === 'chat',
        })
        const mayHold = request.kind === 'chat' && (request.body.tools?.length ?? 0) > 0
        const asked = {
          signal,
          hops,
          framing: 'events',
          isReport,
          isRequest: true,
          mayHold,
        } as const
        for await (const records of http.stream(path, body, asked)) {
          for (const record of records) {
            const chunk = answer.read(record)
            if (chunk !== undefined) yield chunk
          }
        }
        signal.throwIfAborted()
        yield this.#observed(request, answer.done())
      }
    } catch (error) {
      throw withNumbers(error, { model, request, estimate: this.#estimate })
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#life.abort(new InferenceError('engine_failed', 'the backend was closed'))
  }

  #observed(request: TextRequest, done: BackendDone): BackendDone {
    this.#rates.observe(done.usage, done.timings)
    this.#estimate.observe(promptBytes(request), done.usage.promptTokens)
    return done
  }

  async *#embed(
    request: Extract<AnswerRequest, { kind: 'embedding' }>,
    { path, body, signal, hops }: Call,
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
    if (this.#isOpenAi) return true
    const named = request.kind === 'chat' ? request.body.max_completion_tokens : undefined
    return this.#init.assumed === true && named !== undefined && named !== null
  }
}

/** Whether the answer to be resumed has all the tokens that it may have. */
function isSpent(request: AnswerRequest, resume: Resume | undefined): boolean {
  const allowed = request.kind === 'embedding' ? undefined : maxTokensOf(request)
  return allowed !== undefined && (resume?.tokens ?? 0) >= allowed
}

interface Call {
  readonly path: string
  readonly body: object
  readonly signal: AbortSignal
  readonly hops: number | undefined
}

import { randomInt } from 'node:crypto'
import type { Token } from 'node-llama-cpp'
import {
  InferenceError,
  type InferenceRequest,
  LIMITS,
  type Resume,
  type ScoreRequest,
  type ScoreResponse,
} from '../../protocol/index.ts'
import type { CallReaderInit, ThoughtPlace } from '../marked-text/index.ts'
import { MeasuredRates } from '../measured-rates.ts'
import { maxTokensOf, stopStringsOf, type TextRequest, wantsLogprobs } from '../request-fields.ts'
import type { AnswerPlan } from './answer-plan.ts'
import { embeddedCapabilities } from './declared.ts'
import { Embedder } from './embed.ts'
import type { HoldingGrammar } from './holding-grammar.ts'
import { type LoadedEngine, loadEngine } from './load-engine.ts'
import type {
  DoneEvent,
  EngineFacts,
  EngineRates,
  EngineSettings,
  RequestEvent,
} from './messages.ts'
import { type ChatPrompt, PromptBuilder } from './prompt.ts'
import { samplingOf } from './sampling.ts'
import { scoreTokens } from './score-tokens.ts'
import { SequencePool } from './sequence-pool.ts'
import { offeredTools } from './template-tools.ts'
import { writeAnswer } from './write-answer.ts'

/** Prompt and length of the warm-up: enough for a first estimate of the speed, and quick on a slow machine. */
const WARM_UP_TEXT = 'The geese fly south together and take turns in front. '.repeat(4)
const WARM_UP_TOKENS = 12

interface PlanOptions {
  readonly group: string | undefined
  readonly resume: Resume | undefined
  /** What the answer has to match, built from the request's schemas. */
  readonly grammar: HoldingGrammar | undefined
}

/** The loaded model and everything that serves requests, inside the engine process. */
export class Engine {
  readonly facts: EngineFacts
  readonly #loaded: LoadedEngine
  readonly #pool: SequencePool | undefined
  readonly #prompts: PromptBuilder
  readonly #embedder: Embedder
  readonly #exactResumeTokens: number
  readonly #measured = new MeasuredRates()

  private constructor(loaded: LoadedEngine, settings: EngineSettings) {
    this.#loaded = loaded
    this.#exactResumeTokens = settings.exactResumeTokens
    this.#prompts = new PromptBuilder(loaded, settings.chatTemplate)
    this.#embedder = new Embedder(
      loaded.model,
      loaded.contextLength,
      settings.threads,
      (ids, param) => this.#prompts.checkIds(ids, param),
    )
    this.#pool =
      loaded.context === undefined ? undefined : new SequencePool(loaded.context, settings.slots)
    const { contextLength, llama } = loaded
    const capabilities = embeddedCapabilities({
      embeddingOnly: this.#pool === undefined,
      hasTemplate: this.#prompts.hasTemplate,
      takesTools: this.#prompts.traits.toolFormat !== undefined,
    })
    this.facts = { contextLength, capabilities, gpu: llama.gpu }
  }

  static async load(
    settings: EngineSettings,
    onProgress: (fraction: number) => void,
  ): Promise<Engine> {
    const engine = new Engine(await loadEngine(settings, onProgress), settings)
    await engine.#warmUp()
    return engine
  }

  get rates(): EngineRates {
    const { prefillRate, decodeRate } = this.#measured
    return { prefillRate, decodeRate }
  }

  /** @throws InferenceError, or the signal's reason. */
  async *infer(
    request: InferenceRequest,
    options: PlanOptions & {
      readonly signal: AbortSignal
      readonly onEvaluated: (tokens: number) => void
      readonly onPrefill?: (tokens: number, of: number) => void
    },
  ): AsyncGenerator<RequestEvent, void, void> {
    if (request.kind === 'embedding') {
      const startedAt = performance.now()
      const promptTokens = yield* this.#embedder.embed(request.body, options.signal)
      yield this.#done(promptTokens, startedAt)
      return
    }
    if (this.#pool === undefined) {
      throw new InferenceError('capability_unavailable', 'this model only embeds texts', {
        details: { param: request.kind },
      })
    }
    if (request.kind === 'score') {
      yield* this.#score(request.body, this.#pool, options)
      return
    }
    const plan = this.#plan(request, options)
    const summary = yield* writeAnswer(this.#loaded, this.#pool, plan, options)
    const { usage, prefillMs, decodeMs, evaluatedTokens } = summary
    // The first token comes with the end of the prompt.
    const decoded = Math.max(0, usage.completionTokens - 1)
    this.#observe(evaluatedTokens, decoded, { prefillMs, decodeMs })
    yield {
      type: 'done',
      usage,
      timings: { prefillMs, decodeMs },
      rates: this.rates,
      evaluatedTokens: evaluatedTokens + usage.completionTokens,
    }
  }

  async *#score(
    { request, completion, positions, top_logprobs: top }: ScoreRequest,
    pool: SequencePool,
    options: {
      readonly group: string | undefined
      readonly signal: AbortSignal
      readonly onEvaluated: (tokens: number) => void
    },
  ): AsyncGenerator<RequestEvent, void, void> {
    const startedAt = performance.now()
    const { model } = this.#loaded
    const ids = this.#prompts.checkIds(completion, 'completion')
    const plan = {
      prompt: this.#promptOf(request).tokens,
      completion: ids,
      positions: positions ?? completion.map((_, at) => at),
      top: top ?? 1,
      group: options.group,
      contextLength: this.#loaded.contextLength,
      endsAnswer: (token: Token) => model.isEogToken(token),
    }
    const { scores, end, usage, evaluatedTokens } = await scoreTokens(pool, plan, options)
    const text = model.detokenize(ids)
    const prefillMs = performance.now() - startedAt
    this.#observe(evaluatedTokens, 0, { prefillMs, decodeMs: 0 })
    const response: ScoreResponse = {
      ...{ object: 'score', scores },
      ...(text.length <= LIMITS.maxScoredText && { text }),
      ...(end !== undefined && { end }),
    }
    yield { type: 'score', response }
    const timings = { prefillMs, decodeMs: 0 }
    yield { type: 'done', usage, timings, rates: this.rates, evaluatedTokens }
  }

  #promptOf(request: TextRequest): ChatPrompt {
    return request.kind === 'chat'
      ? this.#prompts.chat(request.body)
      : { tokens: this.#prompts.completion(request.body), place: 'text' }
  }

  #plan(request: TextRequest, { group, resume, grammar }: PlanOptions): AnswerPlan {
    const { tokens: prompt, place } = this.#promptOf(request)
    const { thoughts: marks } = this.#prompts.traits
    const sampling = samplingOf(request.body, randomInt(2 ** 32))
    this.#prompts.checkIds([...sampling.logitBias.keys()], 'logit_bias')
    const calls = this.#callsOf(request)
    return {
      prompt,
      prefix: this.#prefixOf(resume, place),
      resume,
      maxTokens: maxTokensOf(request),
      stops: stopStringsOf(request),
      sampling,
      grammar,
      ...(marks !== undefined && place !== 'text' && { thoughts: { marks, place } }),
      ...(calls !== undefined && { calls }),
      topLogprobs: topLogprobsOf(request),
      group,
      exactResumeTokens: this.#exactResumeTokens,
    }
  }

  /** How calls are read. */
  #callsOf(request: TextRequest): CallReaderInit | undefined {
    const { toolFormat: format } = this.#prompts.traits
    if (request.kind !== 'chat' || format === undefined) return undefined
    const offered = offeredTools(request.body)
    if (offered === undefined) return undefined
    const { tools, isForced } = offered
    const names = new Set(tools.map((tool) => tool.function.name))
    const isSingle = request.body.parallel_tool_calls === false
    return { format, names, isForced, isSingle }
  }

  #prefixOf(resume: Resume | undefined, place: ThoughtPlace): Token[] {
    if (resume === undefined) return []
    if (resume.tokenIds.length > 0) return this.#prompts.checkIds(resume.tokenIds, 'resume')
    return this.#prompts.continuation(resume, place)
  }

  #done(promptTokens: number, startedAt: number): DoneEvent {
    const prefillMs = performance.now() - startedAt
    this.#observe(promptTokens, 0, { prefillMs, decodeMs: 0 })
    return {
      type: 'done',
      usage: { promptTokens, completionTokens: 0, cachedPromptTokens: 0 },
      timings: { prefillMs, decodeMs: 0 },
      rates: this.rates,
      evaluatedTokens: promptTokens,
    }
  }

  #observe(
    read: number,
    written: number,
    timings: { readonly prefillMs: number; readonly decodeMs: number },
  ): void {
    const usage = { promptTokens: read, completionTokens: written, cachedPromptTokens: 0 }
    this.#measured.observe(usage, timings)
  }

  async #warmUp(): Promise<void> {
    const body = { model: '', prompt: WARM_UP_TEXT, max_tokens: WARM_UP_TOKENS, temperature: 0 }
    const request: InferenceRequest =
      this.#pool === undefined
        ? { kind: 'embedding', body: { model: '', input: WARM_UP_TEXT } }
        : { kind: 'completion', body }
    const { signal } = new AbortController()
    const onEvaluated = (): void => undefined
    const options = { group: undefined, resume: undefined, grammar: undefined, signal, onEvaluated }
    for await (const _ of this.infer(request, options)) {
      // Only its duration matters.
    }
  }
}

function topLogprobsOf(request: TextRequest): number | undefined {
  if (!wantsLogprobs(request)) return undefined
  return request.kind === 'chat' ? (request.body.top_logprobs ?? 0) : (request.body.logprobs ?? 0)
}

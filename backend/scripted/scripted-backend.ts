import { createHash } from 'node:crypto'
import {
  ANSWER_PREFIX,
  InferenceError,
  type InferenceRequest,
  normalizeModelId,
  RESUME_FORMS,
  resumeField,
  TOKEN_INPUT,
} from '../../protocol/index.ts'
import { type Clock, systemClock } from '../../timing/index.ts'
import type { Backend, BackendEvent, BackendLoad, BackendModel, InferOptions } from '../backend.ts'
import { requireSupport, resumeMeans, selectModel } from '../select-model.ts'
import { answer, type Call, ENDED } from './generate.ts'
import type { Script, ScriptedCall } from './script.ts'

const DEFAULT_CONTEXT_LENGTH = 8192
/** Older calls are forgotten: a backend lives through long benchmarks. */
const MAX_CALLS_KEPT = 10_000

/** The engine's models, capacity and faults. */
export interface ScriptedInit {
  /** @default one model, `scripted`. Omitted fields default to those of a small chat model. */
  readonly models?: readonly (Partial<BackendModel> & { readonly id: string })[]
  /** Reported by `load()`; the engine itself neither queues nor refuses. @default 4 */
  readonly slots?: number
  /** Time between tokens. @default 0 */
  readonly paceMs?: number
  /** @default the machine's */
  readonly clock?: Clock
  /** Called once per request; `index` counts from 0. @default every request is answered by rule */
  readonly script?: (request: InferenceRequest, index: number) => Script | undefined
}

/** A backend whose every step can be observed and controlled. */
export interface ScriptedBackend extends Backend {
  /** Requests in the order in which they came, the latest 10,000. */
  readonly calls: readonly ScriptedCall[]
  /** Requests running now. */
  readonly active: number
  /** Highest number of concurrent requests so far. */
  readonly peakActive: number
  /** Requests that ended because the signal fired or the consumer left. */
  readonly aborted: number
  /** Settles once no request is running. */
  idle(): Promise<void>
  /** The engine dies: running requests fail with `engine_failed`, new ones too until `revive()`. */
  kill(): void
  /** Serves again after `kill()`; what failed stays failed. */
  revive(): void
  /** Sets the state that `load()` reports; requests fail with `loading` in that state. */
  setState(state: BackendLoad['state']): void
}

/** A deterministic engine for fault tests and benchmarks, paced by the clock it is given. */
export function createScriptedBackend(init: ScriptedInit = {}): ScriptedBackend {
  return new ScriptedEngine(init)
}

class ScriptedEngine implements ScriptedBackend {
  readonly description = 'scripted engine'
  readonly calls: Call[] = []
  active = 0
  peakActive = 0
  aborted = 0
  readonly #models: readonly BackendModel[]
  readonly #slots: number
  readonly #paceMs: number
  readonly #clock: Clock
  readonly #script: NonNullable<ScriptedInit['script']>
  #state: BackendLoad['state'] = 'ready'
  #life = new AbortController()
  #started = 0
  #waiting: (() => void)[] = []

  constructor(init: ScriptedInit) {
    this.#models = (init.models ?? [{ id: 'scripted' }]).map(completeModel)
    this.#slots = init.slots ?? 4
    this.#paceMs = init.paceMs ?? 0
    this.#clock = init.clock ?? systemClock
    this.#script = init.script ?? (() => undefined)
  }

  async models(): Promise<readonly BackendModel[]> {
    return this.#models
  }

  async load(): Promise<BackendLoad> {
    return { state: this.#state, slots: this.#slots, prefillRate: 0, decodeRate: 0 }
  }

  idle(): Promise<void> {
    return this.active === 0 ? Promise.resolve() : new Promise((done) => this.#waiting.push(done))
  }

  kill(): void {
    this.#life.abort(new InferenceError('engine_failed', 'the engine died'))
  }

  revive(): void {
    this.#life = new AbortController()
  }

  setState(state: BackendLoad['state']): void {
    this.#state = state
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill()
    await this.idle()
  }

  async *infer(
    request: InferenceRequest,
    options: InferOptions = {},
  ): AsyncGenerator<BackendEvent> {
    const life = this.#life.signal
    const signal = options.signal === undefined ? life : AbortSignal.any([options.signal, life])
    signal.throwIfAborted()
    const script = this.#script(request, this.#started++) ?? {}
    const call = this.#begin(request, options)
    try {
      if (this.#state === 'loading') throw new InferenceError('loading', 'the model is loading')
      const model = selectModel(this.#models, request.body.model)
      requireSupport(model, request)
      if (options.resume !== undefined) resumeMeans(model, request, options.resume)
      const { paceMs = this.#paceMs } = script
      yield* answer(request, { model, script, call, signal, clock: this.#clock, paceMs })
      call.outcome = 'done'
    } catch (error) {
      if (options.signal?.aborted !== true) call.outcome = 'failed'
      if (error !== ENDED) throw error
    } finally {
      this.#end(call)
    }
  }

  #begin(request: InferenceRequest, { resume, cacheGroup }: InferOptions): Call {
    const number = this.#started - 1
    const call: Call = { request, resume, cacheGroup, number, tokens: 0, outcome: 'running' }
    if (this.calls.push(call) > MAX_CALLS_KEPT) this.calls.shift()
    this.active += 1
    this.peakActive = Math.max(this.peakActive, this.active)
    return call
  }

  #end(call: Call): void {
    // Still running: the signal fired, or the consumer left and the generator was closed at a yield.
    if (call.outcome === 'running') {
      call.outcome = 'aborted'
      this.aborted += 1
    }
    this.active -= 1
    if (this.active === 0) for (const done of this.#waiting.splice(0)) done()
  }
}

const RESUME_FIELDS = RESUME_FORMS.flatMap((form) => [
  resumeField(form, 'ids'),
  resumeField(form, 'text'),
])

/** Every scripted engine reads a conversation in the same way. */
const TEMPLATE_HASH = `sha256:${createHash('sha256').update('scripted').digest('hex')}`

function completeModel({
  id,
  ...given
}: Partial<BackendModel> & { readonly id: string }): BackendModel {
  return {
    aliases: [],
    family: 'scripted',
    parameters: 0,
    quantization: '',
    contextLength: DEFAULT_CONTEXT_LENGTH,
    templateHash: TEMPLATE_HASH,
    capabilities: [
      'chat',
      'completion',
      'embedding',
      'tools',
      'json_schema',
      'logprobs',
      'token_ids',
    ],
    resume: 'tokens',
    fields: ['dimensions', 'tool_choice', TOKEN_INPUT, ANSWER_PREFIX, ...RESUME_FIELDS],
    ...given,
    id: normalizeModelId(id),
  }
}

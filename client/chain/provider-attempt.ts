import type { BackendChunk, BackendDone } from '../../backend/index.ts'
import { type AnswerRequest, InferenceError, type Usage } from '../../protocol/index.ts'
import { type Scope, Superseded } from '../../timing/index.ts'
import { AnswerCheck, Watchdog } from '../attempt/index.ts'
import { RepetitionDetector } from '../dispatch/index.ts'
import {
  type AnswerChunk,
  type AnswerEvent,
  type AttemptNote,
  isVisible,
  type Journal,
  type RequestLimits,
  shownText,
  type WireRequest,
} from '../request/index.ts'
import type { Provider } from './provider.ts'
export interface ProviderLegInit {
  readonly provider: Provider
  /** Its `model` is the provider's own name. */
  readonly request: AnswerRequest
  /** What the answer is checked against. */
  readonly wire: WireRequest
  readonly limits: RequestLimits
  readonly journal: Journal
  readonly estimatedPromptTokens: number
  /** Gateways that the request came through before this one. */
  readonly hops: number
}

/** How events name a provider in a peer's place. */
function providerPeer({ name }: Pick<Provider, 'name'>): string {
  return `provider:${name}`
}

/**
 * One answer by a provider: checked and timed as a peer's is. It is asked once; a chain says what comes after it.
 *
 * @throws InferenceError with nothing of a key in it; the scope's reason when it ended
 */
export async function* providerLeg(
  init: ProviderLegInit,
  scope: Scope,
): AsyncGenerator<AnswerEvent, void, void> {
  const leg = new ProviderLeg(init, scope)
  try {
    yield* leg.events()
  } finally {
    await leg.close()
  }
}

class ProviderLeg {
  readonly #init: ProviderLegInit
  readonly #scope: Scope
  readonly #note: AttemptNote
  readonly #check: AnswerCheck
  readonly #repetition: RepetitionDetector
  readonly #controller = new AbortController()
  readonly #watchdog: Watchdog
  readonly #peerId: string
  readonly #answer: AsyncIterator<BackendChunk | BackendDone>
  #begun: boolean = false

  constructor(init: ProviderLegInit, scope: Scope) {
    const { provider, request, wire, limits, journal, estimatedPromptTokens, hops } = init
    const { ttftTimeoutMs, ttftPerTokenMs, itlTimeoutMs, maxRepeatedChunks } = limits
    this.#init = init
    this.#scope = scope
    this.#peerId = providerPeer(provider)
    this.#note = journal.begin({ peerId: this.#peerId, reason: 'first' })
    this.#check = new AnswerCheck(wire)
    this.#repetition = new RepetitionDetector(maxRepeatedChunks)
    const firstMs = ttftTimeoutMs + ttftPerTokenMs * estimatedPromptTokens
    // HTTP has no keep-alive that a provider would have to send: until the first piece there is one clock only.
    const waits = { silenceTimeoutMs: firstMs, ttftTimeoutMs: firstMs, itlTimeoutMs }
    this.#watchdog = new Watchdog(waits, (error) => this.#controller.abort(error), journal.clock)
    const signal = AbortSignal.any([scope.signal, this.#controller.signal])
    this.#answer = provider.backend
      .infer(request, { signal, hops: hops + 1 })
      [Symbol.asyncIterator]()
  }

  async *events(): AsyncGenerator<AnswerEvent, void, void> {
    try {
      for (;;) {
        const next = await this.#watchdog.guard(this.#answer.next())
        this.#note.accepted = true
        if (next.done === true) throw new InferenceError('truncated', 'the answer has no end')
        if (next.value.type === 'done') {
          yield this.#done(next.value)
          return
        }
        const chunk = this.#take(next.value)
        yield { type: 'chunk', peerId: this.#peerId, chunk }
      }
    } catch (error) {
      if (this.#scope.signal.aborted) throw this.#scope.signal.reason
      if (this.#check.finished && !InferenceError.is(error, 'malformed'))
        yield this.#done(undefined)
      else throw this.#failure(error)
    }
  }

  async close(): Promise<void> {
    const { aborted, reason } = this.#scope.signal
    const cancelled = aborted && !(reason instanceof Superseded)
    // What another overtook was read no further than its first piece, and nobody has seen that.
    if (!cancelled) this.#note.deliveredTokens = 0
    this.#note.end(cancelled ? InferenceError.from(reason, 'cancelled').code : 'superseded')
    this.#controller.abort(new Superseded())
    await this.#answer.return?.().catch(() => {})
  }

  #take({ json }: BackendChunk): AnswerChunk {
    const chunk = this.#check.value(json)
    const visible = isVisible(chunk)
    this.#watchdog.progress(visible)
    if (!visible) return chunk
    this.#begun = true
    this.#note.ttftMs ??= this.#note.elapsedMs
    this.#note.tokens += 1
    this.#note.deliveredTokens += 1
    this.#init.journal.delivered()
    const text = shownText(chunk)
    if (text !== '' && this.#repetition.push(text)) {
      throw new InferenceError('engine_failed', 'the answer repeated itself again and again')
    }
    return chunk
  }

  /** @param told absent where the connection broke after the end was told */
  #done(told: BackendDone | undefined): AnswerEvent {
    if (told !== undefined) this.#check.done(told)
    const { journal, estimatedPromptTokens } = this.#init
    // No prompt has no tokens: that is a provider that does not count.
    const counted = told !== undefined && told.usage.promptTokens > 0
    const usage: Usage = counted
      ? told.usage
      : {
          promptTokens: estimatedPromptTokens,
          completionTokens: Math.max(told?.usage.completionTokens ?? 0, this.#note.tokens),
          cachedPromptTokens: 0,
        }
    if (counted) this.#note.usage = usage
    journal.usage = usage
    journal.usageEstimated = !counted
    this.#note.end('answered')
    const { prefillMs = 0, decodeMs = 0 } = told?.timings ?? {}
    const timings = { queueMs: 0, prefillMs, decodeMs }
    return { type: 'done', peerId: this.#peerId, usage, timings }
  }

  #failure(cause: unknown): InferenceError {
    const { provider } = this.#init
    const error = InferenceError.from(cause, 'engine_failed')
    // An engine that gives up in mid-answer has cut it off, however it says so.
    const isCut = this.#begun && error.code === 'engine_failed'
    const named = isCut
      ? new InferenceError('truncated', `the answer broke off: ${error.message}`)
      : error
    const failure = provider.failure(named)
    this.#note.end(failure.code, failure.message)
    return failure
  }
}

import type { BackendChunk } from '../../backend/index.ts'
import { type AnswerRequest, InferenceError } from '../../protocol/index.ts'
import { type Clock, Superseded, systemClock } from '../../timing/index.ts'
import { AnswerCheck, type AttemptEvent, type AttemptInit, Watchdog } from '../attempt/index.ts'
import { isVisible } from '../request/index.ts'
import type { Provider } from './provider.ts'

export interface ProviderAttemptInit {
  readonly provider: Pick<Provider, 'backend'>
  /** Its `model` is the name at the provider. */
  readonly request: AnswerRequest
  /** Gateways that the request has passed through before this one. */
  readonly hops: number
  /** @default the machine's */
  readonly clock?: Clock
}

type ProviderAttempt = (
  init: Omit<AttemptInit, 'peerId'>,
  options: { readonly signal: AbortSignal },
) => AsyncGenerator<readonly AttemptEvent[], void, void>

/** A provider reports no load. */
const NO_LOAD = {
  state: 'ready',
  inFlight: 0,
  slots: 0,
  queueDepth: 0,
  expectedTtftMs: 0,
} as const
const NO_USAGE = { promptTokens: 0, completionTokens: 0, cachedPromptTokens: 0 } as const

/**
 * Attempts at a provider of the caller's own, with the same checks and deadlines as attempts at a peer. If the provider
 * reports no usage, the usage is all zeros.
 */
export function createProviderAttempt(init: ProviderAttemptInit): ProviderAttempt {
  return (attempt, options) => providerAttempt(init, attempt, options)
}

async function* providerAttempt(
  { provider, request, hops, clock = systemClock }: ProviderAttemptInit,
  { request: wire, limits, resume }: Omit<AttemptInit, 'peerId'>,
  { signal }: { readonly signal: AbortSignal },
): AsyncGenerator<readonly AttemptEvent[], void, void> {
  signal.throwIfAborted()
  const own = new AbortController()
  // Providers send no keep-alive, so only the first-token deadline applies until the first chunk.
  const waits = { ...limits, silenceTimeoutMs: limits.ttftTimeoutMs }
  const watchdog = new Watchdog(waits, (error) => own.abort(error), { clock })
  const check = new AnswerCheck(wire, resume?.text)
  const answer = provider.backend
    .infer(request, {
      signal: AbortSignal.any([signal, own.signal]),
      hops: hops + 1,
      ...(resume !== undefined && { resume }),
    })
    [Symbol.asyncIterator]()
  let accepted = false
  try {
    for (;;) {
      const next = await watchdog.guard(answer.next())
      if (next.done === true) throw new InferenceError('truncated', 'the answer ended early')
      if (!accepted) yield [{ type: 'accepted', queuePosition: 0, expectedTtftMs: 0, digest: '' }]
      accepted = true
      if (next.value.type === 'done') {
        check.done(next.value)
        const { prefillMs, decodeMs } = next.value.timings
        const timings = { queueMs: 0, prefillMs, decodeMs }
        yield [{ type: 'done', usage: next.value.usage, timings, load: NO_LOAD }]
        return
      }
      const event = chunkOf(next.value, check)
      watchdog.progress(event.visible)
      yield [event]
    }
  } catch (error) {
    signal.throwIfAborted()
    const failure = own.signal.aborted ? own.signal.reason : error
    if (!check.finished || InferenceError.is(failure, 'malformed')) {
      throw InferenceError.from(failure, 'engine_failed')
    }
    // The connection broke after the finish reason: only the usage is lost.
    const timings = { queueMs: 0, prefillMs: 0, decodeMs: 0 }
    yield [{ type: 'done', usage: NO_USAGE, timings, load: NO_LOAD }]
  } finally {
    watchdog.close()
    own.abort(new Superseded())
    await answer.return?.().catch(() => {})
  }
}

function chunkOf(
  { json, tokenIds, logprobs }: BackendChunk,
  check: AnswerCheck,
): Extract<AttemptEvent, { type: 'chunk' }> {
  const chunk = check.value(json)
  return { type: 'chunk', chunk, visible: isVisible(chunk), tokenIds, logprobs }
}

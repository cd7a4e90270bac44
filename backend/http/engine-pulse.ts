import { InferenceError } from '../../protocol/index.ts'
import { Heartbeat } from '../heartbeat.ts'

/** How soon the same request may be made again. */
const RETRY_MS = 1_000
/**
 * Unanswered beats after which it hangs: within 30 seconds. The threads that answer HTTP may be taken by requests that
 * wait for a turn, and the process by the preparation of an image.
 */
const MAX_MISSED = 19

/** Neither the request nor the peer is to blame. */
export function unresponsive(): InferenceError {
  return new InferenceError('loading', 'the engine does not respond', { retryAfterMs: RETRY_MS })
}

export interface EnginePulseInit {
  /** Asks for something that the engine answers at once, whatever it works on. Resolves with its answer, a refusal included; rejects without a connection. */
  readonly ask: (options: { readonly signal: AbortSignal }) => Promise<unknown>
}

/** One request that the engine works on. */
export interface PulseWatcher {
  /** The engine answered a question: it may work on. */
  readonly onAlive?: () => void
  /** Called at most once. */
  readonly onHung: (failure: InferenceError) => void
}

/**
 * Detects an engine that hangs while it works on requests: it sends nothing and does not answer a question either,
 * whereas one that reads a long prompt does. Asks only while requests are watched.
 */
export class EnginePulse {
  readonly #ask: EnginePulseInit['ask']
  readonly #watchers = new Set<PulseWatcher>()
  #heartbeat: Heartbeat | undefined
  /** The question that has no answer yet. */
  #question: AbortController | undefined

  constructor({ ask }: EnginePulseInit) {
    this.#ask = ask
  }

  /** Watches until the result is disposed. */
  watch(watcher: PulseWatcher): Disposable {
    this.#watchers.add(watcher)
    this.#heartbeat ??= new Heartbeat({
      ask: () => this.#beat(),
      onHung: () => this.#hung(),
      maxMissed: MAX_MISSED,
    })
    return {
      [Symbol.dispose]: () => {
        if (this.#watchers.delete(watcher) && this.#watchers.size === 0) this.#rest()
      },
    }
  }

  /** The engine sent something. */
  heard(): void {
    this.#heartbeat?.heard()
  }

  /** One question at a time: a hung engine would pile them up. */
  #beat(): void {
    if (this.#question !== undefined) return
    const question = new AbortController()
    this.#question = question
    const settle = (): boolean => {
      if (this.#question !== question) return false
      this.#question = undefined
      this.heard()
      return true
    }
    const answered = (): void => {
      if (!settle()) return
      for (const { onAlive } of this.#watchers) onAlive?.()
    }
    // A connection that fails is found by the requests themselves.
    this.#ask(question).then(answered, settle)
  }

  #hung(): void {
    const failure = unresponsive()
    const watchers = [...this.#watchers]
    this.#watchers.clear()
    this.#rest()
    for (const { onHung } of watchers) onHung(failure)
  }

  #rest(): void {
    this.#heartbeat?.[Symbol.dispose]()
    this.#heartbeat = undefined
    this.#question?.abort()
    this.#question = undefined
  }
}

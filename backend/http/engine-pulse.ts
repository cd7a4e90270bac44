import { InferenceError } from '../../protocol/index.ts'
import { Heartbeat } from '../heartbeat.ts'

/** How soon the same request may be made again. */
const RETRY_MS = 1_000

/** Neither the request nor the peer is to blame. */
export function unresponsive(): InferenceError {
  return new InferenceError('loading', 'the engine does not respond', { retryAfterMs: RETRY_MS })
}

export interface EnginePulseInit {
  /** Asks for something that the engine answers at once, whatever it works on. Settles with its answer. */
  readonly ask: (options: { readonly signal: AbortSignal }) => Promise<unknown>
}

/**
 * Detects an engine that hangs while it works on requests: it sends nothing and does not answer a question either,
 * whereas one that reads a long prompt does. Asks only while requests are watched.
 */
export class EnginePulse {
  readonly #ask: EnginePulseInit['ask']
  readonly #watchers = new Set<(failure: InferenceError) => void>()
  #heartbeat: Heartbeat | undefined
  /** The question that has no answer yet. */
  #question: AbortController | undefined

  constructor({ ask }: EnginePulseInit) {
    this.#ask = ask
  }

  /**
   * Watches until the result is disposed.
   *
   * @param onHung called at most once
   */
  watch(onHung: (failure: InferenceError) => void): Disposable {
    const watcher = (failure: InferenceError): void => onHung(failure)
    this.#watchers.add(watcher)
    this.#heartbeat ??= new Heartbeat({ ask: () => this.#beat(), onHung: () => this.#hung() })
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
    const answered = (): void => {
      if (this.#question !== question) return
      this.#question = undefined
      this.heard()
    }
    // A refusal is an answer, too, and a connection that fails is found by the requests themselves.
    this.#ask(question).then(answered, answered)
  }

  #hung(): void {
    const failure = unresponsive()
    const watchers = [...this.#watchers]
    this.#watchers.clear()
    this.#rest()
    for (const watcher of watchers) watcher(failure)
  }

  #rest(): void {
    this.#heartbeat?.[Symbol.dispose]()
    this.#heartbeat = undefined
    this.#question?.abort()
    this.#question = undefined
  }
}

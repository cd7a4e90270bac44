import { InferenceError } from '../../protocol/index.ts'
import { followSignal } from '../../timing/index.ts'
import { EngineTrouble } from './engine-trouble.ts'

/** Created once: an answer that is left before its end is routine, and a stack would add nothing. */
const LEFT = new InferenceError('cancelled', 'the answer is not read any further')

/** Who ends an exchange before its time; either may be absent. */
export interface EngineCallInit {
  readonly caller: AbortSignal | undefined
  /** Fires when the engine is no longer used. */
  readonly owner: AbortSignal | undefined
}

/** One exchange with an engine. Joins its signals with the deadline of the moment, and closes the connection when it is disposed of. */
export class EngineCall {
  /** Whether the answer was read to its end, so that nothing is left to close. */
  isOver: boolean = false
  readonly #caller: AbortSignal | undefined
  readonly #own = new AbortController()
  readonly #owner: Disposable | undefined
  /** Restarted for each wait: a timer of its own would cost more than most waits. */
  #timer: NodeJS.Timeout | undefined
  #timerMs = 0
  #isWaiting: boolean = false

  constructor({ caller, owner }: EngineCallInit) {
    caller?.throwIfAborted()
    owner?.throwIfAborted()
    this.#caller = caller
    caller?.addEventListener('abort', this.#onCallerAbort, { once: true })
    this.#owner = owner && followSignal(owner, (reason) => this.#own.abort(reason))
  }

  get signal(): AbortSignal {
    return this.#own.signal
  }

  expectWithin(ms: number): void {
    this.#isWaiting = true
    if (this.#timer !== undefined && this.#timerMs === ms) this.#timer.refresh()
    else {
      clearTimeout(this.#timer)
      this.#timerMs = ms
      this.#timer = setTimeout(this.#onLate, ms)
    }
  }

  /** Begins the current wait anew, if there is one. */
  extend(): void {
    if (this.#isWaiting) this.#timer?.refresh()
  }

  /** Ends the exchange with this failure. */
  fail(failure: InferenceError): void {
    this.#own.abort(failure)
  }

  pause(): void {
    this.#isWaiting = false
  }

  /** The cause of a failure: the caller's abort, else our deadline, else the error of `fetch`. */
  explain(error: unknown): unknown {
    if (this.#caller?.aborted === true) return this.#caller.reason
    if (this.#own.signal.aborted) return this.#own.signal.reason
    if (error instanceof InferenceError) return error
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
    const why = cause instanceof Error && 'code' in cause ? ` (${String(cause.code)})` : ''
    const message = `the engine's connection failed${why}`
    return new InferenceError('engine_failed', message, {
      cause: new EngineTrouble(message, { cause: error }),
    })
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
    this.#caller?.removeEventListener('abort', this.#onCallerAbort)
    this.#owner?.[Symbol.dispose]()
    if (!this.isOver) this.#own.abort(LEFT)
  }

  readonly #onCallerAbort = (): void => this.#own.abort(this.#caller?.reason)

  readonly #onLate = (): void => {
    if (!this.#isWaiting) return
    const message = `the engine sent nothing for ${Math.round(this.#timerMs / 1000)} s`
    this.fail(new InferenceError('engine_failed', message, { cause: new EngineTrouble(message) }))
  }
}

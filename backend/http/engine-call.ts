import { InferenceError } from '../../protocol/index.ts'
import { EngineTrouble } from './engine-trouble.ts'

/** Created once: an answer that is left before its end is routine, and a stack would add nothing. */
const LEFT = new InferenceError('cancelled', 'the answer is not read any further')

/** One exchange with an engine. Joins the caller's signal with the deadline of the moment, and closes the connection when it is disposed of. */
export class EngineCall {
  readonly signal: AbortSignal
  /** Whether the answer was read to its end, so that nothing is left to close. */
  isOver: boolean = false
  readonly #caller: AbortSignal | undefined
  readonly #own = new AbortController()
  #timer: NodeJS.Timeout | undefined

  constructor(caller: AbortSignal | undefined) {
    caller?.throwIfAborted()
    this.#caller = caller
    this.signal =
      caller === undefined ? this.#own.signal : AbortSignal.any([caller, this.#own.signal])
  }

  expectWithin(ms: number): void {
    this.pause()
    const late = (): void => {
      const message = `the engine sent nothing for ${Math.round(ms / 1000)} s`
      this.#own.abort(
        new InferenceError('engine_failed', message, { cause: new EngineTrouble(message) }),
      )
    }
    this.#timer = setTimeout(late, ms)
  }

  /** Begins the current wait anew, if there is one. */
  extend(): void {
    this.#timer?.refresh()
  }

  /** Ends the exchange with this failure. */
  fail(failure: InferenceError): void {
    this.#own.abort(failure)
  }

  pause(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
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
    this.pause()
    if (!this.isOver) this.#own.abort(LEFT)
  }
}

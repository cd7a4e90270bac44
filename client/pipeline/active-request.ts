import { type AttemptRecord, InferenceError } from '../../protocol/index.ts'
import { openScope, type Scope } from '../../timing/index.ts'
import type { Chains } from '../chain/index.ts'
import type { AnswerEvent, RequestEvent } from '../request/index.ts'
import type { Ask } from './ask.ts'
import { type Call, type PreparedRequest, prepare } from './prepare.ts'
import type { Settings } from './settings.ts'

export interface ActiveRequestInit {
  readonly ask: Ask
  readonly settings: Settings
  readonly chains: Pick<Chains, 'chainOf'>
  /** Ends the request when the client closes. */
  readonly closing: AbortSignal
}

/** One call of a client: it begins as its events are read, once. */
export class ActiveRequest {
  /** In the order of their ends. */
  readonly attempts: AttemptRecord[] = []
  readonly #call: Call
  readonly #init: ActiveRequestInit
  #request: PreparedRequest | undefined
  #scope: Scope | undefined

  constructor(call: Call, init: ActiveRequestInit) {
    this.#call = call
    this.#init = init
  }

  /** Once the request has ended; absent for a call that was no valid request. */
  get record(): RequestEvent | undefined {
    return this.#request?.journal.record
  }

  /** @throws InferenceError; the reason of the caller's signal */
  async *events(): AsyncGenerator<AnswerEvent, void, void> {
    const { ask, settings, chains, closing } = this.#init
    const { signal } = this.#call.options
    signal?.throwIfAborted()
    const request = prepare(this.#call, { settings, chains, attempts: this.attempts })
    closing.throwIfAborted()
    const { timeoutMs } = request.limits
    using scope = openScope({ timeoutMs, clock: settings.clock }, { signal, owner: closing })
    this.#request = request
    this.#scope = scope
    try {
      yield* ask(request, scope)
    } catch (error) {
      signal?.throwIfAborted()
      throw error
    }
  }

  /** Ends the request wherever it is: the consumer left. */
  cancel(): void {
    this.#scope?.abort(new InferenceError('cancelled', 'the consumer left'))
  }
}

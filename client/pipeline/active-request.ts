import { type AttemptRecord, InferenceError } from '../../protocol/index.ts'
import { nextTurn, openedLater, openScope, type Scope, tapped } from '../../timing/index.ts'
import type { Chains } from '../chain/index.ts'
import type { AnswerEvent, RequestEvent } from '../request/index.ts'
import type { Ask } from './ask.ts'
import { type Call, type PreparedRequest, prepare } from './prepare.ts'
import type { Settings } from './settings.ts'

export interface ActiveRequestInit {
  readonly ask: Ask
  readonly settings: Settings
  readonly chains: Pick<Chains, 'chainOf'>
  /** Aborts when the client closes. */
  readonly closing: AbortSignal
}

/** One call of a client. Its events can be read once; reading starts the work. */
export class ActiveRequest {
  /** In the order in which they ended. */
  readonly attempts: AttemptRecord[] = []
  readonly #call: Call
  readonly #init: ActiveRequestInit
  #request: PreparedRequest | undefined
  #scope: Scope | undefined

  constructor(call: Call, init: ActiveRequestInit) {
    this.#call = call
    this.#init = init
  }

  /** Set after the end; absent if the call was not a valid request. */
  get record(): RequestEvent | undefined {
    return this.#request?.journal.record
  }

  /** @throws InferenceError; the reason of the caller's signal */
  events(): AsyncGenerator<AnswerEvent, void, void> {
    return openedLater(() => this.#begin())
  }

  async #begin(): Promise<AsyncGenerator<AnswerEvent, void, void>> {
    const { ask, settings, chains, closing } = this.#init
    const { signal } = this.#call.options
    signal?.throwIfAborted()
    const request = prepare(this.#call, { settings, chains, attempts: this.attempts })
    const { timeoutMs } = request.limits
    await nextTurn(request.wire.body.length, settings.clock)
    signal?.throwIfAborted()
    closing.throwIfAborted()
    const scope = openScope({ timeoutMs, clock: settings.clock }, { signal, owner: closing })
    this.#request = request
    this.#scope = scope
    return tapped(ask(request, scope), {
      failed: (error) => (signal?.aborted === true ? signal.reason : error),
      ended: () => {
        this.#scope = undefined
        scope[Symbol.dispose]()
      },
    })
  }

  /** Cancels the request because its consumer stopped reading. */
  cancel(): void {
    this.#scope?.abort(new InferenceError('cancelled', 'the consumer stopped reading'))
  }
}

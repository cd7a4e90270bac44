import type { InferenceError } from '../../../protocol/index.ts'
import type { BatchProgress, BatchRequest, BatchResult } from './batch-request.ts'

/** Max models of a batch whose slots are counted. */
const MAX_MODELS = 16

export interface OpenRequestsInit {
  /** Release results in the order of the requests. */
  readonly ordered: boolean
  /** Max requests whose results have not been released, including results that wait for earlier ones. */
  readonly most: number
}

/** The requests of a batch from being taken from the list until their results are released. */
export class OpenRequests {
  readonly #init: OpenRequestsInit
  readonly #requests = new Map<number, BatchRequest>()
  readonly #held = new Map<number, BatchResult>()
  readonly #models = new Set<string>()
  #next = 0
  #taken = 0
  #done = 0
  #failed = 0
  #tokens = 0
  #room: PromiseWithResolvers<void> | undefined

  constructor(init: OpenRequestsInit) {
    this.#init = init
  }

  /** The requested models, at most 16. */
  get models(): readonly string[] {
    return [...this.#models]
  }

  get counts(): Omit<BatchProgress, 'elapsedMs'> {
    const { size: open } = this.#requests
    return { done: this.#done, failed: this.#failed, open, tokens: this.#tokens }
  }

  /** Resolves when another request may be taken. */
  async room(): Promise<void> {
    while (this.#requests.size + this.#held.size >= this.#init.most) {
      this.#room ??= Promise.withResolvers()
      await this.#room.promise
    }
  }

  /** @returns its index */
  add(request: BatchRequest, model: string): number {
    const index = this.#taken++
    this.#requests.set(index, request)
    if (this.#models.size < MAX_MODELS) this.#models.add(model)
    return index
  }

  get(index: number): BatchRequest {
    const request = this.#requests.get(index)
    if (request === undefined) throw new Error('unreachable: a part is of an open request')
    return request
  }

  /** @returns the results that may be released now */
  answered(index: number, answer: NonNullable<BatchResult['answer']>): readonly BatchResult[] {
    this.#tokens += answer.usage.total_tokens
    return this.#settle(index, (request) => ({ id: request.id, index, request, answer }))
  }

  failed(index: number, error: InferenceError): readonly BatchResult[] {
    this.#failed += 1
    return this.#settle(index, (request) => ({ id: request.id, index, request, error }))
  }

  /** Fails all open requests. */
  allFailed(error: InferenceError): readonly BatchResult[] {
    return [...this.#requests.keys()].flatMap((index) => this.failed(index, error))
  }

  #settle(index: number, resultOf: (request: BatchRequest) => BatchResult): readonly BatchResult[] {
    const result = resultOf(this.get(index))
    this.#requests.delete(index)
    this.#done += 1
    if (!this.#init.ordered) return this.#release([result])
    this.#held.set(index, result)
    const ready: BatchResult[] = []
    for (let next = this.#held.get(this.#next); next; next = this.#held.get(this.#next)) {
      this.#held.delete(this.#next)
      this.#next += 1
      ready.push(next)
    }
    return this.#release(ready)
  }

  #release(results: readonly BatchResult[]): readonly BatchResult[] {
    if (results.length > 0) {
      this.#room?.resolve()
      this.#room = undefined
    }
    return results
  }
}

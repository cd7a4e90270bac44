import { InferenceError } from '../../protocol/index.ts'
import { type ApiKey, authenticate } from './api-keys.ts'
import type { RateLimits } from './rate-limit.ts'

/** Keys, or a function that reads those that hold now. */
export type ApiKeys = readonly ApiKey[] | (() => readonly ApiKey[])

/** The keys of a gateway, and what each of them may do. */
export class KeyRing {
  readonly #read: () => readonly ApiKey[]
  readonly #now: () => number
  #required: boolean = false

  /** @param now milliseconds since 1970 */
  constructor(keys: ApiKeys, now: () => number) {
    this.#read = typeof keys === 'function' ? keys : () => keys
    this.#now = now
  }

  /** Whether callers need a key. Once they do, they do until the end, even if all keys are removed. */
  get isRequired(): boolean {
    this.#required ||= this.#read().length > 0
    return this.#required
  }

  /**
   * Name of the caller's key; empty if none is required.
   *
   * @throws InferenceError `unauthorized`
   */
  callerOf(headers: Headers): string {
    if (!this.isRequired) return ''
    const { name, expiresAtMs = Number.POSITIVE_INFINITY } = authenticate(headers, this.#read())
    if (this.#now() < expiresAtMs) return name
    throw new InferenceError(
      'unauthorized',
      `this API key expired at ${new Date(expiresAtMs).toISOString()}: ask for a new one`,
    )
  }

  limitsOf(caller: string): RateLimits {
    return this.#keyOf(caller) ?? {}
  }

  /**
   * Checks a request by the model that it names.
   *
   * @throws InferenceError `model_not_found`, as OpenAI answers for a model that a key may not use
   */
  checkModel(caller: string, model: unknown): void {
    const { models } = this.#keyOf(caller) ?? {}
    if (models === undefined || (typeof model === 'string' && models.includes(model))) return
    throw new InferenceError('model_not_found', `this API key may use only ${models.join(', ')}`, {
      details: { param: 'model' },
    })
  }

  #keyOf(caller: string): ApiKey | undefined {
    return this.#read().find(({ name }) => name === caller)
  }
}

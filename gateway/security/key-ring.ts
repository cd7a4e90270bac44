import type { RequestOptions } from '../../client/index.ts'
import { defined, InferenceError } from '../../protocol/index.ts'
import type { NamedModels } from '../named-models.ts'
import { type ApiKey, authenticate, isUnrestrictedKey, PRIORITY_WEIGHTS } from './api-keys.ts'
import type { KeyBudget } from './key-budgets.ts'
import { type RateLimits, UNLIMITED } from './rate-limit.ts'

/** Keys, or a function that reads those that hold now. */
export type ApiKeys = readonly ApiKey[] | (() => readonly ApiKey[])

/** Where the metrics are read. */
export const METRICS_PATH = '/metrics'

/** Which peers and providers may see a request. */
type Reach = Pick<RequestOptions, 'providers' | 'trusted'>

/** The keys of a gateway, and what each of them may do. */
export class KeyRing {
  readonly #read: () => readonly ApiKey[]
  readonly #now: () => number
  #required: boolean

  /** @param now milliseconds since 1970 */
  constructor(keys: ApiKeys, now: () => number) {
    this.#read = typeof keys === 'function' ? keys : () => keys
    this.#now = now
    this.#required = this.#read().length > 0
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
    const key = authenticate(headers, this.#read())
    this.#checkExpiry(key)
    return key.name
  }

  /**
   * Checks what the caller asks for, by its path: the metrics show what all callers use.
   *
   * @throws InferenceError `unauthorized`
   */
  checkPath(caller: string, path: string): void {
    const isMetrics = path === METRICS_PATH
    const onlyMetrics = this.#keyOf(caller)?.onlyMetrics === true
    if (isMetrics ? onlyMetrics || this.isUnrestricted(caller) : !onlyMetrics) return
    throw new InferenceError(
      'unauthorized',
      isMetrics
        ? 'a restricted API key may not read the metrics of all callers: send one without restrictions, or one that reads metrics only (gateway key add NAME --only-metrics)'
        : `this API key reads ${METRICS_PATH}, and nothing else`,
    )
  }

  limitsOf(caller: string): RateLimits {
    return this.#keyOf(caller) ?? UNLIMITED
  }

  /** Turns of the caller in the queue, for each turn of a key of normal priority. */
  weightOf(caller: string): number {
    return PRIORITY_WEIGHTS[this.#keyOf(caller)?.priority ?? 'normal']
  }

  budgetOf(caller: string): KeyBudget | undefined {
    return this.#keyOf(caller)?.budget
  }

  /**
   * The options of a request within the rights of its caller's key: which peers and providers may see it.
   *
   * @throws InferenceError `no_peers` if the request trusts only peers that the key may not use
   */
  within<T extends Reach>(caller: string, options: T): T {
    const { peers, providers } = this.#keyOf(caller) ?? {}
    if (peers === undefined && providers === undefined) return options
    const { trusted } = options
    const both =
      peers === undefined ? trusted : (trusted ?? peers).filter((id) => peers.includes(id))
    if (both?.length === 0) {
      throw new InferenceError(
        'no_peers',
        'this API key may use none of the peers that the request trusts',
        { details: { param: 'trusted' } },
      )
    }
    return {
      ...options,
      ...(both !== undefined && { trusted: both }),
      // A request that trusts certain peers is not for providers either.
      ...(trusted === undefined && providers !== undefined && { providers }),
    }
  }

  /** What an answer depends on, so that one that is kept is not given to another key, or after a change of rights. */
  rightsOf(caller: string): Pick<ApiKey, 'models' | 'peers' | 'providers'> & { hash?: string } {
    const { hash, models, peers, providers } = this.#keyOf(caller) ?? {}
    return defined({ hash, models, peers, providers })
  }

  /** Whether the caller's key has every right. */
  isUnrestricted(caller: string): boolean {
    const key = this.#keyOf(caller)
    return key === undefined || isUnrestrictedKey(key)
  }

  /**
   * Checks a request by the models that it names, `model` and those of a chain in `models`. The key is looked up again:
   * a request, or a batch, may have waited since it was accepted.
   *
   * @throws InferenceError `model_not_found`, as OpenAI answers for a model that a key may not use; `unauthorized` for a
   *   key that was removed or has expired
   */
  checkModels(caller: string, { model, models }: NamedModels): void {
    if (!this.isRequired) return
    const key = this.#keyOf(caller)
    if (key === undefined) throw removed()
    this.#checkExpiry(key)
    const allowed = key.models
    if (allowed === undefined) return
    const named: readonly unknown[] = [model, ...(Array.isArray(models) ? models : [])]
    const isList = models === undefined || models === null || Array.isArray(models)
    if (isList && named.every((name) => typeof name === 'string' && allowed.includes(name))) return
    throw new InferenceError('model_not_found', `this API key may use only ${allowed.join(', ')}`, {
      details: { param: 'model' },
    })
  }

  /**
   * A check for an answer that has begun. An expiry lets it finish; a key is removed to end its use.
   *
   * @returns throws InferenceError `unauthorized` once the caller's key was removed, or replaced under its name
   */
  whileHeld(caller: string): () => void {
    const hash = this.#keyOf(caller)?.hash
    if (hash === undefined) return () => {}
    return () => {
      if (this.#keyOf(caller)?.hash !== hash) throw removed()
    }
  }

  #checkExpiry({ expiresAtMs = Number.POSITIVE_INFINITY }: ApiKey): void {
    if (this.#now() < expiresAtMs) return
    throw new InferenceError(
      'unauthorized',
      `this API key expired at ${new Date(expiresAtMs).toISOString()}: ask for a new one`,
    )
  }

  #keyOf(caller: string): ApiKey | undefined {
    for (const key of this.#read()) if (key.name === caller) return key
    return undefined
  }
}

function removed(): InferenceError {
  return new InferenceError('unauthorized', 'the API key of this request was removed')
}

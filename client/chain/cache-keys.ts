import { createHmac, randomBytes } from 'node:crypto'
import type { Job } from '../request/index.ts'

const SALT_BYTES = 32

/**
 * Makes `prompt_cache_key` another one in each swarm. Callers set it once for a session or a user, so peers of two swarms
 * that see the same one could tell that it is the same caller. It keeps its purpose: equal in one swarm, for this process.
 */
export class CacheKeys {
  readonly #salts = new Map<string, Uint8Array>()

  /** The request for this swarm: unchanged without a key. */
  apart(request: Job['request'], swarm: string): Job['request'] {
    if (!('prompt_cache_key' in request.body)) return request
    const { prompt_cache_key: key } = request.body
    if (typeof key !== 'string' || key === '') return request
    const salted = createHmac('sha256', this.#saltOf(swarm)).update(key).digest('base64url')
    return { ...request, body: { ...request.body, prompt_cache_key: salted } } as Job['request']
  }

  #saltOf(swarm: string): Uint8Array {
    const known = this.#salts.get(swarm)
    if (known !== undefined) return known
    const salt = randomBytes(SALT_BYTES)
    this.#salts.set(swarm, salt)
    return salt
  }
}

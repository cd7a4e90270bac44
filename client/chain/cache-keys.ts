import { createHmac, randomBytes } from 'node:crypto'
import type { Job } from '../request/index.ts'

const SECRET_BYTES = 32

/**
 * Makes `prompt_cache_key` another one in each swarm. Callers set it once for a session or a user, so peers of two swarms
 * that see the same one could tell that it is the same caller. It keeps its purpose: equal in one swarm, for this process.
 */
export class CacheKeys {
  readonly #secret = randomBytes(SECRET_BYTES)

  /** The request for this swarm: unchanged without a key. */
  apart(request: Job['request'], swarm: string): Job['request'] {
    if (!('prompt_cache_key' in request.body)) return request
    const { prompt_cache_key: key } = request.body
    if (typeof key !== 'string' || key === '') return request
    // No name of a swarm contains a slash, so each pair of name and key is another text.
    const apart = createHmac('sha256', this.#secret).update(`${swarm}/${key}`).digest('base64url')
    return { ...request, body: { ...request.body, prompt_cache_key: apart } } as Job['request']
  }
}

import { hash, randomBytes } from 'node:crypto'
import { LRUCache } from 'lru-cache'

/** Groups whose salt is kept. Others are computed anew. */
const MAX_KEPT = 1_024

/** Salts that keep the prefix caches of clients apart in one engine. */
export class CacheSalts {
  /** Secret, so that a client's name does not reveal its salt. */
  readonly #key = randomBytes(16).toString('hex')
  readonly #salts = new LRUCache<string, string>({
    max: MAX_KEPT,
    memoMethod: (group) => hash('sha256', `${this.#key} ${group}`, 'hex'),
  })

  /** @param group requests that may share a cache. @default none: each request has a cache of its own */
  of(group: string | undefined): string {
    return group === undefined ? randomBytes(16).toString('hex') : this.#salts.memo(group)
  }
}

import { createHash, randomBytes } from 'node:crypto'

/** Salts that keep the prefix caches of clients apart in one engine. */
export class CacheSalts {
  /** Secret, so that a client's name does not reveal its salt. */
  readonly #key = randomBytes(16)

  /** @param group requests that may share a cache. @default none: each request has a cache of its own */
  of(group: string | undefined): string {
    if (group === undefined) return randomBytes(16).toString('hex')
    return createHash('sha256').update(this.#key).update(group).digest('hex')
  }
}

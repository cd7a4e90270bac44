import { hash, randomBytes } from 'node:crypto'

/** Salts that keep the prefix caches of clients apart in one engine. */
export class CacheSalts {
  /** Secret, so that a client's name does not reveal its salt. */
  readonly #key = randomBytes(16).toString('hex')

  /** @param group requests that may share a cache. @default none: each request has a cache of its own */
  of(group: string | undefined): string {
    if (group === undefined) return randomBytes(16).toString('hex')
    return hash('sha256', `${this.#key} ${group}`, 'hex')
  }
}

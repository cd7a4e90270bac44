import { LRUCache } from 'lru-cache'
import { flowOf, type Waiting } from './turn.ts'

/** Peers and networks whose last turn is kept. */
const MAX_TURNS = 2_048

/** Numbers the turns, and keeps the last one of each peer and network. */
export class TurnNumbers {
  readonly #last = new LRUCache<string, number>({ max: MAX_TURNS })
  #latest = 0

  /** Number of the latest turn. */
  get latest(): number {
    return this.#latest
  }

  readonly lastOf = (name: string): number | undefined => this.#last.peek(name)

  take(one: Waiting): void {
    this.#latest += 1
    for (const name of [flowOf(one), `peer ${one.peer}`]) this.#last.set(name, this.#latest)
  }
}

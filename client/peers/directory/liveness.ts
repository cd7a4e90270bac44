import { LRUCache } from 'lru-cache'
import type { Clock } from '../../../timing/index.ts'

/** Peers that are remembered. */
const MAX_PEERS = 4_096
/** A sign of life counts for so long. */
const ALIVE_MS = 15_000
/** A peer that did not answer is asked again after this. */
const GONE_MS = 10_000

/** `doubtful`: nothing was heard of it lately, whatever its advertisement says. */
export type LifeSign = 'alive' | 'doubtful' | 'gone'

/** Who was heard lately. An advertisement is a promise for half an hour; a machine dies within a second. */
export class Liveness {
  readonly #clock: Pick<Clock, 'now'>
  readonly #signs = new LRUCache<string, { readonly alive: boolean; readonly atMs: number }>({
    max: MAX_PEERS,
  })

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock
  }

  of(peer: string): LifeSign {
    const sign = this.#signs.get(peer)
    if (sign === undefined) return 'doubtful'
    const ageMs = this.#clock.now() - sign.atMs
    if (sign.alive) return ageMs < ALIVE_MS ? 'alive' : 'doubtful'
    return ageMs < GONE_MS ? 'gone' : 'doubtful'
  }

  /** It answered just now, or did not. */
  heard(peer: string, alive: boolean): void {
    this.#signs.set(peer, { alive, atMs: this.#clock.now() })
  }

  /** Its last connection broke: what was heard before counts no more. */
  disconnected(peer: string): void {
    this.#signs.delete(peer)
  }
}

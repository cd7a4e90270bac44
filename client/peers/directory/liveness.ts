import { LRUCache } from 'lru-cache'
import type { Clock } from '../../../timing/index.ts'

/** Peers that are remembered. */
const MAX_PEERS = 4_096
/** How long a sign of life counts. */
const ALIVE_MS = 15_000
/** Pause before a peer that did not answer is asked again. */
const GONE_MS = 10_000

/** `doubtful`: no recent sign of life, whatever its advertisement says. */
export type LifeSign = 'alive' | 'doubtful' | 'gone'

/**
 * Which peers gave a recent sign of life. An advertisement is valid for half an hour; a machine can die within a
 * second.
 */
export class Liveness {
  readonly #clock: Pick<Clock, 'now'>
  readonly #signs = new LRUCache<string, { readonly alive: boolean; readonly atMs: number }>({
    max: MAX_PEERS,
  })

  readonly #lost = new LRUCache<string, number>({ max: MAX_PEERS })

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

  /** Whether it gave no answer when it was last asked, however long ago. */
  hasFailed(peer: string): boolean {
    return this.#signs.get(peer)?.alive === false
  }

  /** The peer has just answered, or has just failed to. */
  heard(peer: string, alive: boolean): void {
    this.#signs.set(peer, { alive, atMs: this.#clock.now() })
  }

  /** Its last connection broke: earlier signs of life no longer count. */
  disconnected(peer: string): void {
    this.#signs.delete(peer)
    this.#lost.set(peer, this.#clock.now())
  }

  /** It is connected. */
  connected(peer: string): void {
    this.#lost.delete(peer)
  }

  /** When its last connection broke. Undefined if it is connected, or never was. */
  lostAtMs(peer: string): number | undefined {
    return this.#lost.get(peer)
  }
}

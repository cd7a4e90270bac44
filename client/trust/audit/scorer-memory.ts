import { LRUCache } from 'lru-cache'
import { backoffMs } from '../../../timing/index.ts'

const MAX_KNOWN = 4_096
/** How long a scorer is not asked after it was silent, doubled with consecutive silences. */
const REST = { minMs: 30_000, maxMs: 600_000 }
/** Multiple of that time for which it is asked last. */
const ASKED_LAST = 10

interface Silence {
  readonly times: number
  readonly atMs: number
  readonly networks: readonly string[]
}

/** Remembers scorers that used their time without a result. It fades, because overload passes. */
export class ScorerMemory {
  readonly #silent = new LRUCache<string, Silence>({ max: MAX_KNOWN })
  readonly #answered = new LRUCache<string, true>({ max: MAX_KNOWN })
  readonly #now: () => number

  /** @param now milliseconds since 1970 */
  constructor(now: () => number) {
    this.#now = now
  }

  answered(peer: string): void {
    this.#silent.delete(peer)
    this.#answered.set(peer, true)
  }

  fellSilent(peer: string, networks: readonly string[]): void {
    const times = (this.#silent.peek(peer)?.times ?? 0) + 1
    this.#silent.set(peer, { times, atMs: this.#now(), networks })
  }

  /** Whether it was silent recently, so that asking it would waste time. */
  rests(peer: string): boolean {
    const known = this.#silent.peek(peer)
    return known !== undefined && this.#now() < known.atMs + restMs(known)
  }

  /** Recent silences of each peer. A peer that never answered inherits those of its networks, so a new identity does not help. */
  silences(): (peer: string, networks: readonly string[]) => number {
    const byNetwork = new Map<string, number>()
    const byPeer = new Map<string, number>()
    for (const [peer, known] of this.#silent.entries()) {
      if (this.#now() >= known.atMs + ASKED_LAST * restMs(known)) continue
      byPeer.set(peer, known.times)
      for (const network of known.networks) {
        byNetwork.set(network, Math.max(known.times, byNetwork.get(network) ?? 0))
      }
    }
    return (peer, networks) => {
      const own = byPeer.get(peer) ?? 0
      if (this.#answered.has(peer)) return own
      return Math.max(own, ...networks.map((network) => byNetwork.get(network) ?? 0))
    }
  }
}

function restMs({ times }: Silence): number {
  return backoffMs(times - 1, REST)
}

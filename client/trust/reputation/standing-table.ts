import { LRUCache } from 'lru-cache'
import { newcomerAt, type PeerStanding, withBlameOf, worseOf } from './peer-standing.ts'
import type { PeerRow } from './saved-standings.ts'
import { weightsOf } from './spec-class.ts'

/** Max pairs of peer and weights; the least recently updated are evicted. */
const MAX_STANDINGS = 8_192
/** Max templates per peer and weights, because a peer can invent any number of them. */
const MAX_TEMPLATES = 8
type StandingRow = Pick<PeerRow, 'peer' | 'spec' | 'standing'>

/** Standings by peer, weights and spec class. Blame applies to all spec classes with the same weights. */
export class StandingTable {
  readonly #standings = new LRUCache<string, ReadonlyMap<string, PeerStanding>>({
    max: MAX_STANDINGS,
  })

  /** The standing saved for exactly this spec class. */
  exact(peer: string, spec: string): PeerStanding | undefined {
    return this.#standings.peek(key(peer, spec))?.get(spec)
  }

  /** With a new template the peer is a newcomer that keeps the blame of its weights. */
  get(peer: string, spec: string): PeerStanding | undefined {
    const templates = this.#standings.peek(key(peer, spec))
    const own = templates?.get(spec)
    const [other] = templates?.values() ?? []
    if (own !== undefined || other === undefined) return own
    const quality = { good: 0, bad: other.quality.bad }
    return { ...withBlameOf(newcomerAt(other.lastMs), other), quality }
  }

  /** Adds a saved row with the worst blame known for its weights: older versions stored blame per template. */
  adopt({ peer, spec, standing }: StandingRow): void {
    const others = [...(this.#standings.peek(key(peer, spec)) ?? [])]
    const worst = others.reduce(
      (so, [other, known]) => (other === spec ? so : withBlameOf(so, worseOf(so, known))),
      standing,
    )
    this.set({ peer, spec, standing: worst })
  }

  set({ peer, spec, standing }: StandingRow): void {
    const id = key(peer, spec)
    const others = [...(this.#standings.peek(id) ?? [])]
      .filter(([other]) => other !== spec)
      .map(([other, known]) => [other, withBlameOf(known, standing)] as const)
    const latest = [...others, [spec, standing] as const].slice(-MAX_TEMPLATES)
    this.#standings.set(id, new Map(latest))
  }

  /** Most recently updated first. */
  rows(): readonly StandingRow[] {
    return [...this.#standings.entries()].flatMap(([id, templates]) => {
      const peer = id.slice(0, id.indexOf(' '))
      return [...templates].map(([spec, standing]) => ({ peer, spec, standing })).toReversed()
    })
  }

  /** Deletes all standings of a peer. */
  forget(peer: string): void {
    for (const id of this.#standings.keys()) {
      if (id.startsWith(`${peer} `)) this.#standings.delete(id)
    }
  }

  clear(): void {
    this.#standings.clear()
  }
}

/** Unambiguous, because a peer id contains no space. */
function key(peer: string, spec: string): string {
  return `${peer} ${weightsOf(spec)}`
}

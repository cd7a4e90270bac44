import { LRUCache } from 'lru-cache'
import { InferenceError } from '../../../protocol/index.ts'
import type { SavedStandings } from './saved-standings.ts'

/** Max peers that the owner has marked. */
const MAX_MARKS = 1_024
/** Max peers whose mark was taken back that are remembered, so that an older mark does not return. */
const MAX_UNMARKED = 1_024

/**
 * The owner's word on a peer. A denied one is neither asked nor served. A trusted one counts as proven without audits;
 * the first failed audit ends that.
 */
export type PeerMark = 'denied' | 'trusted'

/** A mark, or that it was taken back. */
interface Marking {
  readonly peer: string
  readonly mark: PeerMark | undefined
  /** Milliseconds since 1970. */
  readonly atMs: number
}

/** The peers that the owner denies or trusts. Of two words on one peer the later holds, in whatever order they come. */
export class OwnerMarks {
  readonly #marks = new Map<string, { readonly mark: PeerMark; readonly atMs: number }>()
  /** When marks were taken back. */
  readonly #unmarked = new LRUCache<string, number>({ max: MAX_UNMARKED })

  of(peer: string): PeerMark | undefined {
    return this.#marks.get(peer)?.mark
  }

  /** The latest last. */
  list(): SavedStandings['marks'] {
    return [...this.#marks].map(([peer, { mark, atMs }]) => ({ peer, mark, atMs }))
  }

  /** Those taken back, the latest last. */
  unmarked(): SavedStandings['unmarked'] {
    return [...this.#unmarked.entries()].map(([peer, atMs]) => ({ peer, atMs })).toReversed()
  }

  /**
   * A new word on a peer.
   *
   * @throws InferenceError `invalid_request` if too many are marked
   */
  next(peer: string, mark: PeerMark | undefined, nowMs: number): Marking {
    if (mark !== undefined && !this.#marks.has(peer) && this.#marks.size >= MAX_MARKS) {
      throw new InferenceError(
        'invalid_request',
        `${MAX_MARKS} peers are denied or trusted already: take one of them back first`,
      )
    }
    // It holds even if the clock was ahead at the one before.
    return { peer, mark, atMs: Math.max(nowMs, this.#atMs(peer) + 1) }
  }

  set({ peer, mark, atMs }: Marking): void {
    if (atMs < this.#atMs(peer)) return
    this.#marks.delete(peer)
    this.#unmarked.delete(peer)
    if (mark === undefined) this.#unmarked.set(peer, atMs)
    else this.#marks.set(peer, { mark, atMs })
  }

  replaceBy({ marks, unmarked }: Pick<SavedStandings, 'marks' | 'unmarked'>): void {
    this.#marks.clear()
    this.#unmarked.clear()
    for (const { peer, atMs } of unmarked) this.set({ peer, mark: undefined, atMs })
    for (const marked of marks) this.set(marked)
  }

  /** When the peer was marked or unmarked last; 0 if never. */
  #atMs(peer: string): number {
    return this.#marks.get(peer)?.atMs ?? this.#unmarked.peek(peer) ?? 0
  }
}

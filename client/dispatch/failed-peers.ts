import type { InferenceError } from '../../protocol/index.ts'
import type { Clock } from '../../timing/index.ts'
import type { Candidate } from '../request/index.ts'
import { type Failure, pauseMs } from './failures.ts'

/** So long after its path was lost a peer that is not reached is dialled again: either end may be changing its network. */
const PATH_BACK_MS = 15_000

interface FailedPeer {
  readonly newest: Failure
  /** It is not asked again before. */
  readonly readyAtMs: number
  /** When the path to it was lost. */
  readonly pathLostAtMs: number | undefined
}

/** The peers at which a request failed, and when each may be asked again. */
export class FailedPeers {
  readonly #clock: Pick<Clock, 'now'>
  readonly #random: () => number
  readonly #failures: Failure[] = []
  readonly #candidates: Candidate[] = []
  readonly #peers = new Map<string, FailedPeer>()

  constructor({
    clock,
    random,
  }: {
    readonly clock: Pick<Clock, 'now'>
    readonly random: () => number
  }) {
    this.#clock = clock
    this.#random = random
  }

  /** The newest last. */
  get failures(): readonly Failure[] {
    return this.#failures
  }

  /** One for each failure. */
  get candidates(): readonly Candidate[] {
    return this.#candidates
  }

  add(candidate: Candidate, error: InferenceError, { isHang }: Pick<Failure, 'isHang'>): void {
    const { key: peer, advertisement, acquaintance } = candidate
    const { operator } = advertisement
    const newest = { peer, operator, isProven: acquaintance === 'answered', error, isHang }
    this.#failures.push(newest)
    this.#candidates.push(candidate)
    const nowMs = this.#clock.now()
    this.#peers.set(peer, {
      newest,
      readyAtMs: nowMs + pauseMs(newest, this.#failures.length, this.#random),
      pathLostAtMs: error.code === 'path_lost' ? nowMs : this.#peers.get(peer)?.pathLostAtMs,
    })
  }

  /** Undefined if the peer has not failed. */
  newestOf(peer: string): Failure | undefined {
    return this.#peers.get(peer)?.newest
  }

  /** When the peer may be asked again. */
  readyAtMs(peer: string): number {
    return this.#peers.get(peer)?.readyAtMs ?? 0
  }

  /** Whether a path was lost: this machine may be without a network. */
  get hasLostPath(): boolean {
    return [...this.#peers.values()].some(({ pathLostAtMs }) => pathLostAtMs !== undefined)
  }

  /** Whether a peer may be on its way back: its path was lost a moment ago. */
  mayBeBack(peer: string): boolean {
    const lostAtMs = this.#peers.get(peer)?.pathLostAtMs
    return lostAtMs !== undefined && this.#clock.now() - lostAtMs < PATH_BACK_MS
  }

  /** The same of any of them. */
  mayAnyBeBack(): boolean {
    return [...this.#peers.keys()].some((peer) => this.mayBeBack(peer))
  }
}

import type { ErrorCode, InferenceError } from '../../protocol/index.ts'
import type { Clock } from '../../timing/index.ts'
import type { Candidate } from '../request/index.ts'
import { type Failure, pauseMs } from './failures.ts'

/**
 * So long after it was lost, a peer that cannot be dialled may be on its way back: its process is started again, or a
 * machine changes its network. Longer than a large model takes to load.
 */
const BACK_MS = 90_000
/** The same where another model can take over: long enough for a change of networks. */
const BACK_BEFORE_NEXT_MS = 15_000

/** How an attempt ends whose peer, or the path to it, is gone. */
const BREAKS: ReadonlySet<ErrorCode> = new Set([
  'path_lost',
  'stream_reset',
  'truncated',
  'stalled',
])

interface FailedPeer {
  readonly newest: Failure
  /** It is not asked again before. */
  readonly readyAtMs: number
  /** When it was lost. A peer that said why it ended has not left by accident. */
  readonly leftAtMs: number | undefined
}

/** The peers at which a request failed, and when each may be asked again. */
export class FailedPeers {
  readonly #clock: Pick<Clock, 'now'>
  readonly #random: () => number
  readonly #backMs: number
  readonly #lostAtMs: (peer: string) => number | undefined
  #hasLostPath: boolean = false
  readonly #failures: Failure[] = []
  readonly #candidates: Candidate[] = []
  readonly #peers = new Map<string, FailedPeer>()

  constructor({
    clock,
    random,
    hasNext,
    lostAtMs,
  }: {
    readonly clock: Pick<Clock, 'now'>
    readonly random: () => number
    /** Whether another model is asked if no peer is left. */
    readonly hasNext: boolean
    /** When the last connection to a peer closed. */
    readonly lostAtMs: (peer: string) => number | undefined
  }) {
    this.#clock = clock
    this.#random = random
    this.#lostAtMs = lostAtMs
    this.#backMs = hasNext ? BACK_BEFORE_NEXT_MS : BACK_MS
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
    this.#hasLostPath ||= error.code === 'path_lost'
    this.#peers.set(peer, {
      newest,
      readyAtMs: nowMs + pauseMs(newest, this.#failures.length, this.#random),
      leftAtMs: BREAKS.has(error.code) ? nowMs : this.#leftAtMs(peer, error),
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
    return this.#hasLostPath
  }

  /** Whether a peer may be on its way back: it was there a while ago, and now it, or the path to it, is lost. */
  mayBeBack(peer: string): boolean {
    const { newest, leftAtMs } = this.#peers.get(peer) ?? {}
    const isLost = newest?.error.code === 'dial_failed' || newest?.error.code === 'path_lost'
    return isLost && leftAtMs !== undefined && this.#clock.now() - leftAtMs < this.#backMs
  }

  /** The same of any of them. */
  mayAnyBeBack(): boolean {
    return [...this.#peers.keys()].some((peer) => this.mayBeBack(peer))
  }

  #leftAtMs(peer: string, { code }: InferenceError): number | undefined {
    const known = this.#peers.get(peer)?.leftAtMs
    return known ?? (code === 'dial_failed' ? this.#lostAtMs(peer) : undefined)
  }
}

import { Tally } from '../../protocol/index.ts'
import type { Caller } from './caller.ts'

/** Idle streams kept for one peer: as many as a busy gateway has in flight. */
const MAX_IDLE_PER_PEER = 64
/** Streams of one peer whose first request has not begun. An honest client sends it in the next packet. */
const MAX_UNUSED_PER_PEER = 256
/** Unused streams of one network: identities are free, so that a bound on each would not suffice. */
const MAX_UNUSED_PER_NETWORK = 512
/** Bound on the network for a peer with few of its own: its neighbours must not shut it out. */
const FEW_UNUSED = 8
const MAX_UNUSED_PER_NETWORK_OF_FEW = 1_024
/** Streams of all peers that wait for the same. Each holds some tens of kilobytes. */
const MAX_WAITING = 2_048

/** What a stream waits for: its first request, or another one. */
export type WaitsFor = 'first' | 'next'

/**
 * Bounds the streams that wait for a request, of one peer and of all peers. Idle streams take no room from new ones:
 * without the former clients are slower, without the latter they are not served at all.
 */
export class KeptStreams {
  readonly #closing = new AbortController()
  readonly #waiting: Record<WaitsFor, Counts> = { first: noCounts(), next: noCounts() }

  /** Fires when no stream is kept any longer. */
  get closing(): AbortSignal {
    return this.#closing.signal
  }

  /** Streams that wait. */
  get size(): number {
    const { first, next } = this.#waiting
    return first.all + next.all
  }

  /** Counts a waiting stream in. @returns counts it out, once; `undefined` if there are too many */
  wait(caller: Caller, what: WaitsFor): Disposable | undefined {
    const counts = this.#waiting[what]
    if (isFull(counts, caller, what)) return undefined
    return new Place(counts, caller)
  }

  /** Ends the waits; streams in use end after their attempt. */
  close(): void {
    this.#closing.abort()
  }
}

/** Streams that wait for the same. */
interface Counts {
  all: number
  readonly peers: Tally
  readonly networks: Tally
}

class Place implements Disposable {
  readonly #counts: Counts
  readonly #caller: Caller
  #isOver: boolean = false

  constructor(counts: Counts, caller: Caller) {
    this.#counts = counts
    this.#caller = caller
    count(counts, caller, 1)
  }

  [Symbol.dispose](): void {
    if (!this.#isOver) count(this.#counts, this.#caller, -1)
    this.#isOver = true
  }
}

function noCounts(): Counts {
  return { all: 0, peers: new Tally(), networks: new Tally() }
}

/** Whether as many wait as may, in a group that one of the caller's belongs to. */
function isFull(counts: Counts, { peer, network }: Caller, what: WaitsFor): boolean {
  const own = counts.peers.of(peer)
  if (counts.all >= MAX_WAITING) return true
  if (what === 'next') return own >= MAX_IDLE_PER_PEER
  const most = own < FEW_UNUSED ? MAX_UNUSED_PER_NETWORK_OF_FEW : MAX_UNUSED_PER_NETWORK
  return own >= MAX_UNUSED_PER_PEER || counts.networks.of(network) >= most
}

function count(counts: Counts, { peer, network }: Caller, by: 1 | -1): void {
  counts.all += by
  counts.peers.add(peer, by)
  counts.networks.add(network, by)
}

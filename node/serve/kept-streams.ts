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
  readonly #waiting: Record<WaitsFor, Map<string, number>> = { first: new Map(), next: new Map() }

  /** Fires when no stream is kept any longer. */
  get closing(): AbortSignal {
    return this.#closing.signal
  }

  /** Streams that wait. */
  get size(): number {
    const { first, next } = this.#waiting
    return (first.get('all') ?? 0) + (next.get('all') ?? 0)
  }

  /** Counts a waiting stream in. @returns counts it out, once; `undefined` if there are too many */
  wait(caller: Caller, what: WaitsFor): Disposable | undefined {
    const counts = this.#waiting[what]
    const own = counts.get(`peer ${caller.peer}`) ?? 0
    const bounds = boundsOn(caller, what, own)
    if (bounds.some(([name, most]) => (counts.get(name) ?? 0) >= most)) return undefined
    for (const [name] of bounds) add(counts, name, 1)
    let isOver = false
    return {
      [Symbol.dispose]() {
        if (isOver) return
        isOver = true
        for (const [name] of bounds) add(counts, name, -1)
      },
    }
  }

  /** Ends the waits; streams in use end after their attempt. */
  close(): void {
    this.#closing.abort()
  }
}

/**
 * Most streams that may wait, of each group that one of the caller's belongs to.
 *
 * @param own streams of the peer that wait for the same
 */
function boundsOn(
  { peer, network }: Caller,
  what: WaitsFor,
  own: number,
): [group: string, most: number][] {
  if (what === 'next') {
    return [
      ['all', MAX_WAITING],
      [`peer ${peer}`, MAX_IDLE_PER_PEER],
    ]
  }
  return [
    ['all', MAX_WAITING],
    [
      `network ${network}`,
      own < FEW_UNUSED ? MAX_UNUSED_PER_NETWORK_OF_FEW : MAX_UNUSED_PER_NETWORK,
    ],
    [`peer ${peer}`, MAX_UNUSED_PER_PEER],
  ]
}

function add(counts: Map<string, number>, name: string, by: number): void {
  const count = (counts.get(name) ?? 0) + by
  if (count > 0) counts.set(name, count)
  else counts.delete(name)
}

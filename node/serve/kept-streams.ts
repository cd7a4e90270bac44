/** Idle streams kept for one peer: as many as a busy gateway has in flight. */
const MAX_IDLE_PER_PEER = 64
/** Streams of one peer whose first request has not begun. An honest client sends it in the next packet. */
const MAX_UNUSED_PER_PEER = 256
/** Idle and unused streams of all peers. Each holds some tens of kilobytes. */
const MAX_WAITING = 2_048

/** What a stream waits for: its first request, or another one. */
export type WaitsFor = 'first' | 'next'

/** Bounds the streams that wait for a request, of one peer and of all peers. */
export class KeptStreams {
  readonly #closing = new AbortController()
  readonly #waiting: Record<WaitsFor, Map<string, number>> = { first: new Map(), next: new Map() }
  #total = 0

  /** Fires when no stream is kept any longer. */
  get closing(): AbortSignal {
    return this.#closing.signal
  }

  /** Streams that wait. */
  get size(): number {
    return this.#total
  }

  /** Counts a waiting stream in. @returns counts it out; `undefined` if there are too many */
  wait(peer: string, what: WaitsFor): Disposable | undefined {
    const counts = this.#waiting[what]
    const count = counts.get(peer) ?? 0
    const most = what === 'first' ? MAX_UNUSED_PER_PEER : MAX_IDLE_PER_PEER
    if (count >= most || this.#total >= MAX_WAITING) return undefined
    counts.set(peer, count + 1)
    this.#total += 1
    return {
      [Symbol.dispose]: () => {
        const left = (counts.get(peer) ?? 0) - 1
        if (left > 0) counts.set(peer, left)
        else counts.delete(peer)
        this.#total -= 1
      },
    }
  }

  /** Ends the waits; streams in use end after their attempt. */
  close(): void {
    this.#closing.abort()
  }
}

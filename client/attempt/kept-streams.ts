import type { PeerId, Stream } from '@libp2p/interface'
import { InferenceError } from '../../protocol/index.ts'
import { type Clock, closedWithin } from '../../timing/index.ts'
import type { WireStream } from './wire-stream.ts'

/** Idle streams to one peer: what a busy gateway has in flight there. */
const MAX_IDLE_PER_PEER = 64
/** Idle streams to all peers. Each holds some tens of kilobytes. */
const MAX_IDLE = 512
/** Shorter than nodes keep a stream, so that hardly any request meets a stream that its node is closing. */
const IDLE_MS = 120_000
const SWEEP_EVERY_MS = 30_000
/** Time for a peer to close its half of a stream. */
const LINGER_MS = 2_000

export interface KeptStreamsInit {
  readonly clock: Clock
  /** Whether the peer serves one attempt after the other over a stream. */
  readonly speaks: (peerId: PeerId) => boolean
  /** Whether there is a direct connection to the peer. @default none */
  readonly isDirect?: (peerId: PeerId) => boolean
  /** Notes since when, by wall time, a stream waits for its next attempt, or that it is in use again. @default not called */
  readonly setIdle?: (stream: Stream, sinceMs: number | undefined) => void
}

interface Idle {
  readonly peer: string
  readonly wire: WireStream
  readonly sinceMs: number
}

/** Streams that wait for their next attempt, as HTTP keeps connections alive: opening one costs more than using it. */
export class KeptStreams {
  readonly #init: KeptStreamsInit
  /** The longest idle first. */
  readonly #idle = new Set<Idle>()
  readonly #byPeer = new Map<string, Idle[]>()
  #sweeper: Disposable | undefined
  #closed: boolean = false

  constructor(init: KeptStreamsInit) {
    this.#init = init
  }

  /** Idle streams. */
  get size(): number {
    return this.#idle.size
  }

  speaks(peerId: PeerId): boolean {
    return !this.#closed && this.#init.speaks(peerId)
  }

  /** A stream to the peer that can be used at once. */
  take(peerId: PeerId): WireStream | undefined {
    const streams = this.#byPeer.get(peerId.toString())
    // The newest: the others expire if they are not needed.
    for (let one = streams?.at(-1); one !== undefined; one = streams?.at(-1)) {
      this.#remove(one)
      const { wire } = one
      const isDetour = wire.path?.relay !== undefined && this.#init.isDirect?.(peerId) === true
      if (wire.isUsable && !isDetour) return wire
      discard(wire, this.#init.clock)
    }
    return undefined
  }

  /** Takes a stream back whose attempt is complete. */
  give(peerId: PeerId, wire: WireStream): void {
    const { clock } = this.#init
    if (this.#closed || !wire.isUsable) {
      discard(wire, clock)
      return
    }
    const peer = peerId.toString()
    const idle: Idle = { peer, wire, sinceMs: clock.now() }
    this.#watch(idle)
    const streams = this.#byPeer.get(peer) ?? []
    streams.push(idle)
    this.#byPeer.set(peer, streams)
    this.#idle.add(idle)
    this.#init.setIdle?.(wire.stream, clock.wall())
    const [oldest] = this.#idle
    if (streams.length > MAX_IDLE_PER_PEER) this.#drop(streams[0])
    else if (this.#idle.size > MAX_IDLE) this.#drop(oldest)
    this.#arm()
  }

  /** Ends the idle streams. Streams in use end after their attempt. */
  close(): void {
    this.#closed = true
    this.#sweeper?.[Symbol.dispose]()
    for (const idle of [...this.#idle]) this.#drop(idle)
  }

  /** An idle stream ends with the peer's side of it, and is reset if the peer says anything. */
  #watch(idle: Idle): void {
    const { stream, reader } = idle.wire
    const refuse = (): never => {
      const error = new InferenceError('malformed', 'the peer wrote to an idle stream')
      stream.abort(error)
      throw error
    }
    reader.restart({ maxFrames: 0, maxTotalBytes: 0, onBytes: refuse })
    idle.wire.watchEnd(() => this.#drop(idle))
  }

  #arm(): void {
    this.#sweeper ??= this.#init.clock.after(SWEEP_EVERY_MS, () => this.#sweep(), {
      background: true,
    })
  }

  #sweep(): void {
    this.#sweeper = undefined
    const before = this.#init.clock.now() - IDLE_MS
    for (const idle of [...this.#idle]) if (idle.sinceMs <= before) this.#drop(idle)
    if (this.#idle.size > 0) this.#arm()
  }

  #drop(idle: Idle | undefined): void {
    if (idle === undefined || !this.#remove(idle)) return
    discard(idle.wire, this.#init.clock)
  }

  #remove(idle: Idle): boolean {
    if (!this.#idle.delete(idle)) return false
    idle.wire.watchEnd(undefined)
    this.#init.setIdle?.(idle.wire.stream, undefined)
    const streams = this.#byPeer.get(idle.peer) ?? []
    streams.splice(streams.lastIndexOf(idle), 1)
    if (streams.length === 0) this.#byPeer.delete(idle.peer)
    return true
  }
}

/** Ends a stream that no attempt uses. */
export function discard({ stream, reader }: WireStream, clock: Clock): void {
  reader.close()
  stream.close().catch(() => {})
  void closedWithin(stream, LINGER_MS, clock)
}

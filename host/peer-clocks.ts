import type { PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { LRUCache } from 'lru-cache'
import { isRelayed } from './relay/index.ts'
import { subnetsOf } from './subnet.ts'

/** Peers whose clocks are remembered. */
const MAX_PEERS = 1_024
/** Age at which a reading no longer counts: clocks are set meanwhile. */
const MAX_AGE_MS = 30 * 60_000
/** Age at which a reading is taken anew, if the peer is still connected. */
const STALE_MS = 15 * 60_000
/** This machine's clock was set, or the machine slept, if wall and monotonic clock moved apart by more than this. */
export const SET_MS = 10_000
/** A slower exchange measures the network instead of the clock. */
const MAX_ROUND_TRIP_MS = 10_000
/** Difference at which a clock counts as off: far more than a round trip, far less than peers tolerate. */
export const OFF_MS = 60_000
/** Peers that must agree before this machine's clock is called off: one peer against one shows nothing. */
const MIN_AGREEING = 2
/** Beyond this a clock is judged by no reading: a machine that believes it is 1970 has more to mend. */
const MAX_SKEW_MS = 48 * 60 * 60_000

/** A peer whose clock differs from the majority's. */
export interface ClockOff {
  readonly peerId: string
  /** Milliseconds ahead of the majority; negative: behind. */
  readonly aheadMs: number
}

/** The voice of all peers that no direct connection locates: their ids cost nothing. */
const RELAYED = 'relayed'

/** What the clocks of connected peers show. */
export interface ClockReport {
  /**
   * `right`: this machine agrees with most peers. `off`: most peers agree with one another and not with this
   * machine. `unclear`: too few peers, or they do not agree. `unknown`: no peer reported its time.
   */
  readonly own: 'right' | 'off' | 'unclear' | 'unknown'
  /** Milliseconds that this machine is ahead of the median peer; negative: behind. */
  readonly aheadMs: number
  /** Peers, each public network and all relayed ones as one, whose clocks are known, and those near the median. */
  readonly peers: number
  readonly agreeing: number
  /** Peers whose own clocks are off, if most agree. */
  readonly off: readonly ClockOff[]
}

interface Reading {
  /** The peer's time less this machine's. */
  readonly offsetMs: number
  /** The peer's network; on a LAN each peer is its own, and all that only a relay connects share one. */
  readonly voice: string
  readonly atMs: number
  /** This machine's wall clock less its monotonic one at that time. */
  readonly driftMs: number
}

/**
 * Compares this machine's wall clock with those of peers, which report their time when they exchange advertisements. The
 * majority shows whose clock is off.
 */
export class PeerClocks {
  readonly #now: () => number
  readonly #wall: () => number
  readonly #readings = new LRUCache<string, Reading>({ max: MAX_PEERS })

  /** @param now monotonic: a wall clock that is set must not age the readings */
  constructor(init: { readonly now: () => number; readonly wall: () => number }) {
    this.#now = init.now
    this.#wall = init.wall
  }

  /** The peer reported `theirMs` between `sentMs` and now, both by this machine's wall clock. */
  heard(peer: PeerId, theirMs: number, sentMs: number, addresses: readonly Multiaddr[] = []): void {
    const nowMs = this.#wall()
    const roundTripMs = nowMs - sentMs
    if (!(theirMs > 0) || roundTripMs < 0 || roundTripMs > MAX_ROUND_TRIP_MS) return
    const key = peer.toString()
    const alone = addresses.some((address) => !isRelayed(address)) ? key : RELAYED
    const [voice = alone] = subnetsOf(addresses)
    const offsetMs = theirMs - (sentMs + roundTripMs / 2)
    this.#readings.set(key, { offsetMs, voice, atMs: this.#now(), driftMs: this.#driftMs() })
  }

  /** Whether the peer should report its time again, because its reading is old or this machine's clock was set since. */
  isStale(peer: PeerId): boolean {
    const reading = this.#readings.get(peer.toString())
    return reading === undefined || !this.#isRecent(reading, STALE_MS)
  }

  /** The present time by the peer's clock. Undefined if it reported none lately, or an impossible one. */
  timeOf(peer: PeerId): number | undefined {
    const reading = this.#readings.get(peer.toString())
    if (reading === undefined || !this.#isRecent(reading)) return undefined
    return Math.abs(reading.offsetMs) > MAX_SKEW_MS ? undefined : this.#wall() + reading.offsetMs
  }

  /** The present time by the majority's clocks, if this machine's own is off. */
  timeOfMajority(): number | undefined {
    const { own, aheadMs } = this.report()
    return own === 'off' && Math.abs(aheadMs) <= MAX_SKEW_MS ? this.#wall() - aheadMs : undefined
  }

  report(): ClockReport {
    const recent = [...this.#readings.entries()].filter(([, reading]) => this.#isRecent(reading))
    const voices = Map.groupBy(recent, ([, { voice }]) => voice)
    const offsets = [...voices.values()].map((of) => median(of.map(([, { offsetMs }]) => offsetMs)))
    const peers = offsets.length
    if (peers === 0) return { own: 'unknown', aheadMs: 0, peers, agreeing: 0, off: [] }
    const usualMs = median(offsets)
    const isNear = (offsetMs: number): boolean => Math.abs(offsetMs - usualMs) <= OFF_MS
    const agreeing = offsets.filter(isNear).length
    const isMajority = 2 * agreeing > peers && agreeing >= MIN_AGREEING
    const differs = Math.abs(usualMs) > OFF_MS
    // With this machine's clock as a voice of its own, a single peer that agrees with it settles the matter.
    const own = !differs ? 'right' : isMajority ? 'off' : 'unclear'
    const off = recent
      .filter(([, { offsetMs }]) => own !== 'unclear' && !isNear(offsetMs))
      .map(([peerId, { offsetMs }]) => ({ peerId, aheadMs: Math.round(offsetMs - usualMs) }))
    return { own, aheadMs: Math.round(-usualMs), peers, agreeing, off }
  }

  /** A reading compares a clock with this machine's, so that it says nothing once this one was set. */
  #isRecent({ atMs, driftMs }: Reading, maxAgeMs: number = MAX_AGE_MS): boolean {
    return this.#now() - atMs <= maxAgeMs && Math.abs(this.#driftMs() - driftMs) <= SET_MS
  }

  #driftMs(): number {
    return this.#wall() - this.#now()
  }
}

/** The lower one of two in the middle that lies nearer to zero, so that a tie speaks for this machine's clock. */
function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const upper = sorted[Math.floor(sorted.length / 2)] ?? 0
  const lower = sorted[Math.floor((sorted.length - 1) / 2)] ?? 0
  return Math.abs(lower) <= Math.abs(upper) ? lower : upper
}

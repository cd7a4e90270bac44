import type { Random, VirtualClock } from '../../testing/index.ts'
import { SimPeer, type SimPeerInit } from './sim-peer.ts'

/** Within a region, and between two. */
const RTT_MS: { readonly near: number; readonly far: number } = { near: 20, far: 120 }

/** All peers, and which of them can reach each other. */
export class World {
  readonly time: VirtualClock
  readonly random: Random
  readonly peers: SimPeer[] = []
  readonly #rttMs: typeof RTT_MS
  readonly #byKey = new Map<string, SimPeer>()
  /** Regions that are cut off from all others. */
  readonly #cut = new Set<string>()

  constructor(time: VirtualClock, random: Random, rttMs: typeof RTT_MS = RTT_MS) {
    this.#rttMs = rttMs
    this.time = time
    this.random = random
  }

  add(init: Omit<SimPeerInit, 'index'>): SimPeer {
    const peer = new SimPeer({ ...init, index: this.peers.length }, this.time, this.random.fork())
    this.peers.push(peer)
    this.#byKey.set(peer.candidate.key, peer)
    return peer
  }

  peer(key: string): SimPeer {
    const peer = this.#byKey.get(key)
    if (peer === undefined) throw new RangeError(`no peer ${key}`)
    return peer
  }

  rttMs(from: string | undefined, { init }: SimPeer): number {
    return from === init.region ? this.#rttMs.near : this.#rttMs.far
  }

  reaches(from: string | undefined, { init }: SimPeer): boolean {
    const isCut = (region: string | undefined): boolean =>
      region !== undefined && this.#cut.has(region)
    return from === init.region || !(isCut(from) || isCut(init.region))
  }

  /** What runs over the border falls silent. @param regionOf a client's */
  cut(region: string, regionOf: (client: string) => string | undefined): void {
    this.#cut.add(region)
    for (const peer of this.peers) {
      peer.cutOff((client) => !this.reaches(regionOf(client), peer))
    }
  }

  heal(region: string): void {
    this.#cut.delete(region)
  }
}

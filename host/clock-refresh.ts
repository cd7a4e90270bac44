import type { PeerId } from '@libp2p/interface'
import { LRUCache } from 'lru-cache'
import { type AbortOptions, type Clock, everyTogether } from '../timing/index.ts'
import { type PeerClocks, SET_MS } from './peer-clocks.ts'

/** Interval between two rounds: time until a clock that was set is compared again. */
const ROUND_MS = 15_000
/** Peers asked in one round. */
const MAX_ASKED = 8
/** A peer that tells no time is asked again after as many rounds. */
const PAUSE_ROUNDS = 20
/** Peers whose last question is remembered. */
const MAX_PEERS = 1_024

export interface ClockRefreshInit {
  readonly clocks: Pick<PeerClocks, 'isStale'>
  /** Connected peers. */
  readonly peers: () => readonly PeerId[]
  /** Has the peer tell its time. */
  readonly ask: (peer: PeerId, options: AbortOptions) => Promise<unknown>
  readonly clock: Clock
  readonly signal: AbortSignal
}

/**
 * Has connected peers tell their time again before their readings are too old, and at once after this machine's clock
 * was set: a machine that starts with a wrong clock is often connected before its clock is right.
 */
export function refreshClocks({ clocks, peers, ask, clock, signal }: ClockRefreshInit): void {
  /** The round in which a peer was asked last. */
  const asked = new LRUCache<string, number>({ max: MAX_PEERS })
  let round = 0
  let driftMs = clock.wall() - clock.now()
  const look = (): void => {
    round += 1
    const driftNowMs = clock.wall() - clock.now()
    if (Math.abs(driftNowMs - driftMs) > SET_MS) asked.clear()
    driftMs = driftNowMs
    const due = peers().filter(
      (peer) =>
        round - (asked.get(peer.toString()) ?? -PAUSE_ROUNDS) >= PAUSE_ROUNDS &&
        clocks.isStale(peer),
    )
    for (const peer of due.slice(0, MAX_ASKED)) {
      asked.set(peer.toString(), round)
      // A peer that is gone, or too slow, is asked again later.
      ask(peer, { signal }).catch(() => undefined)
    }
  }
  everyTogether(clock, ROUND_MS, look, { signal })
}

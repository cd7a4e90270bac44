import type { Connection, Libp2p } from '@libp2p/interface'
import { InferenceError } from '../../protocol/index.ts'
import { type Clock, every } from '../../timing/index.ts'
import { answers } from '../connection-check.ts'
import { hasCarried, isInUse } from '../inbound/index.ts'
import { isRelayed } from '../relay/index.ts'
import { DIRECT_PATH, PATH_WATCH } from './limits.ts'
import type { Link } from './link.ts'

export interface WatchPathInit {
  readonly libp2p: Pick<Libp2p, 'getConnections'>
  readonly clock: Clock
  /** Called once: the path has carried an answer, or lasted. */
  readonly onProven: () => void
  /** What the path has carried. */
  readonly link: Pick<Link, 'receivedBytes' | 'unheardBytes'>
  /** Fires when the host stops. */
  readonly signal: AbortSignal
}

/**
 * Watches an open direct path until it ends. NATs and firewalls drop flows without a word, and WebRTC itself notices
 * after half a minute. A path is lost when, in use and silent, it answers neither of two pings, and a relayed connection
 * to the same peer answers one meanwhile: a peer that is only busy answers over neither. Over a slow line an answer waits
 * behind what this host has sent, so that this is given time first, and what comes counts also while it is a part of a
 * message. The path is aborted with `path_lost`, which blames no peer, and what ran over it goes on over the relayed
 * connection.
 */
export function watchPath(path: Connection, init: WatchPathInit): void {
  const { libp2p, clock, link, onProven, signal } = init
  const openedMs = clock.now()
  let isProven = false
  let heard = link.receivedBytes
  /** Since when the path has been used without anything being heard. Stays when that use ends. */
  let waitingSinceMs: number | undefined
  let isChecking = false

  const isLost = async (): Promise<boolean> => {
    const before = link.receivedBytes
    if (await answers(path, PATH_WATCH.answerMs, clock)) return false
    const relayed = libp2p
      .getConnections(path.remotePeer)
      .filter(({ remoteAddr, status }) => status === 'open' && isRelayed(remoteAddr))
    const [here, ...there] = await Promise.all(
      [path, ...relayed].map((one) => answers(one, PATH_WATCH.answerMs, clock)),
    )
    const isHeard = here === true || link.receivedBytes > before
    return !isHeard && there.includes(true) && path.status === 'open'
  }

  const check = async (): Promise<void> => {
    isChecking = true
    if (await isLost())
      path.abort(new InferenceError('path_lost', 'nothing gets through the direct path'))
    isChecking = false
  }

  const look = (): void => {
    const nowMs = clock.now()
    if (!isProven && (nowMs - openedMs >= DIRECT_PATH.provenMs || hasCarried(path))) {
      isProven = true
      onProven()
    }
    const now = link.receivedBytes
    if (now !== heard) waitingSinceMs = undefined
    else if (isInUse(path)) waitingSinceMs ??= nowMs
    heard = now
    const quietMs = nowMs - (waitingSinceMs ?? nowMs)
    if (quietMs >= PATH_WATCH.quietMs + delayMs(link.unheardBytes) && !isChecking) void check()
  }

  const looks = every(clock, PATH_WATCH.lookMs, look, { signal })
  path.addEventListener('close', () => looks[Symbol.dispose](), { once: true })
}

/** How long an answer may wait behind so many bytes over the slowest line. */
function delayMs(bytes: number): number {
  return Math.min(PATH_WATCH.maxDelayMs, (bytes / PATH_WATCH.leastBytesPerSecond) * 1_000)
}

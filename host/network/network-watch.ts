import type { Connection, Libp2p, Logger } from '@libp2p/interface'
import { InferenceError } from '../../protocol/index.ts'
import { type Clock, everyTogether } from '../../timing/index.ts'
import { answers } from '../connection-check.ts'
import { listenUntil } from '../listen-until.ts'
import { isRelayed } from '../relay/index.ts'
import { ipVersionOf } from './ip-versions.ts'
import { ownAddresses } from './own-addresses.ts'

export interface NetworkWatchInit {
  readonly libp2p: Pick<Libp2p, 'addEventListener' | 'getConnections' | 'removeEventListener'>
  readonly clock: Clock
  /** Called once dead connections are aborted. */
  readonly onChange: () => void
  /** The addresses of this machine. @default those of the system, without loopback */
  readonly addresses?: () => readonly string[]
  readonly signal: AbortSignal
  readonly log: Logger
}

/**
 * Time until a change of addresses is noticed, and interval of checking one connection for whether the network is still
 * there, while streams are open.
 */
const BEAT_MS = 3_000
/** The machine slept if the clock advanced by this much more than the timer's delay. */
const SLEPT_MS = 15_000
/** At rest one check in so many takes place: no answer is lost meanwhile. */
const RESTING_BEATS = 5
/** Answers over the Internet take a tenth of it, at worst, unless they wait behind an upload. */
const ANSWER_MS = 3_000
/**
 * Pings without a sign of life, one after the other, after which a connection is aborted. The heartbeat's own counts, so
 * that they end before a silent answer is blamed on its peer.
 */
const LAST_PINGS = 2
/** A timer that fires this late means that this process is busy, not that peers are silent. */
const BUSY_MS = 1_000

/**
 * Notices that this machine has another network, or one IP version less, and aborts the connections that died with it:
 * TCP by itself would go on for a quarter of an hour. A peer that is silent while others answer is busy more often than
 * dead, so its connection is aborted only where this machine's addresses changed, where it slept, or where no peer
 * answers over that IP version. Streams end with `path_lost`, which blames no peer.
 */
export function watchNetwork(init: NetworkWatchInit): void {
  const { libp2p, clock, signal, log, onChange, addresses = ownAddresses } = init
  let known = signatureOf(addresses())
  let lookedAtMs = clock.wall()
  let checking: Promise<void> | undefined
  /** Whether something changed during the check. */
  let changedSince: boolean = false

  const check = (changed: boolean): void => {
    if (checking !== undefined) {
      changedSince ||= changed
      return
    }
    checking = abortDead(changed)
      .then((aborted) => {
        if (aborted > 0) log('aborted %d dead connections', aborted)
        if (aborted > 0 || changed) onChange()
      })
      .catch((error: unknown) => log.error('checking connections failed - %e', error))
      .finally(() => {
        checking = undefined
        if (!changedSince) return
        changedSince = false
        check(true)
      })
  }

  /** Any message counts: over a line that is full of an upload, the peer's window updates come before its answers. */
  const isAlive = async (connection: Connection, pings = LAST_PINGS): Promise<boolean> => {
    for (let ping = 0; ping < pings; ping += 1) {
      if (await answers(connection, ANSWER_MS, clock)) return true
    }
    return false
  }

  /**
   * @param changed whether each silent connection goes; else only all of one IP version together, one of which has
   *   left a ping without an answer before
   */
  const abortDead = async (changed: boolean): Promise<number> => {
    const pings = changed ? LAST_PINGS : LAST_PINGS - 1
    const direct = libp2p.getConnections().filter(({ remoteAddr }) => !isRelayed(remoteAddr))
    const startedAtMs = clock.now()
    const alive = await Promise.all(direct.map((connection) => isAlive(connection, pings)))
    if (clock.now() - startedAtMs > pings * ANSWER_MS + BUSY_MS) return 0
    const working = new Set(direct.filter((_, index) => alive[index]).map(versionOf))
    const dead = direct.filter(
      (connection, index) =>
        alive[index] !== true && (changed || !working.has(versionOf(connection))),
    )
    for (const connection of dead) {
      connection.abort(
        new InferenceError('path_lost', 'the network this connection was made over is gone'),
      )
    }
    return dead.length
  }

  const look = (): void => {
    const nowMs = clock.wall()
    const slept = nowMs - lookedAtMs > BEAT_MS + SLEPT_MS
    lookedAtMs = nowMs
    const now = signatureOf(addresses())
    if (now === known && !slept) return
    log('this machine %s', slept ? 'slept' : 'has other addresses')
    known = now
    check(true)
  }

  let rested = 0
  const heartbeat = (): void => {
    if (checking !== undefined) return
    const connections = libp2p.getConnections()
    rested = connections.some(({ streams }) => streams.length > 0) ? 0 : rested + 1
    if (rested % RESTING_BEATS !== 0) return
    const direct = connections.filter(({ remoteAddr }) => !isRelayed(remoteAddr))
    const startedAtMs = clock.now()
    for (const version of new Set(direct.map(versionOf))) {
      const oldest = direct.find((connection) => versionOf(connection) === version)
      if (oldest === undefined) continue
      void answers(oldest, ANSWER_MS, clock).then((alive) => {
        if (alive || clock.now() - startedAtMs > ANSWER_MS + BUSY_MS) return
        check(false)
      })
    }
  }

  /** A peer that connects again has often lost its older connections without notice: they are checked. */
  const onOpen = ({ detail: opened }: CustomEvent<Connection>): void => {
    if (isRelayed(opened.remoteAddr)) return
    for (const older of libp2p.getConnections(opened.remotePeer)) {
      if (older === opened || isRelayed(older.remoteAddr)) continue
      void isAlive(older).then((alive) => {
        if (!alive) {
          older.abort(new InferenceError('path_lost', 'the peer opened a new connection'))
        }
      })
    }
  }

  const beat = (): void => {
    look()
    heartbeat()
  }
  everyTogether(clock, BEAT_MS, beat, { signal })
  listenUntil(signal, libp2p, { 'connection:open': onOpen })
}

const versionOf = ({ remoteAddr }: Connection): string | undefined => ipVersionOf(remoteAddr)

function signatureOf(addresses: readonly string[]): string {
  return addresses.toSorted((a, b) => a.localeCompare(b)).join(' ')
}

import type { Connection, IdentifyResult, Libp2p } from '@libp2p/interface'
import { backoffMs, type Clock, EQUAL_JITTER, openScope } from '../timing/index.ts'
import { listenUntil } from './listen-until.ts'

export interface IdentifyAgainInit {
  readonly libp2p: Pick<Libp2p, 'addEventListener' | 'removeEventListener'>
  /** Asks the peer at the other end, and emits `peer:identify`. */
  readonly identify: (
    connection: Connection,
    options: { readonly signal: AbortSignal },
  ) => Promise<unknown>
  readonly clock: Clock
  /** From 0 to 1. */
  readonly random: () => number
  readonly signal: AbortSignal
  readonly onError: (what: string, error: unknown) => void
}

/** Longer than libp2p's own first attempt. */
const FIRST_MS = 6_000
const TIMEOUT_MS = 10_000
const BACKOFF = { minMs: 4_000, maxMs: 120_000, jitter: EQUAL_JITTER }
const MAX_ATTEMPTS = 6

/**
 * Repeats what failed when a connection opened. libp2p asks the peer once what it speaks, for five seconds, and leaves it at
 * that: a peer, or this machine, that was too busy at that moment is taken for one that neither relays, nor serves the
 * DHT, nor dials back, for as long as the connection lasts.
 */
export function identifyAgain(init: IdentifyAgainInit): void {
  const { libp2p, clock, random, signal, onError } = init
  /** Connections whose peer is not identified, each with the timer of its next attempt. */
  const waiting = new Map<Connection, Disposable>()

  const forget = (connection: Connection): void => {
    waiting.get(connection)?.[Symbol.dispose]()
    waiting.delete(connection)
  }
  const plan = (connection: Connection, attempt: number, ms: number): void => {
    const timer = clock.after(ms, () => void tryAgain(connection, attempt), { background: true })
    waiting.set(connection, timer)
  }
  const tryAgain = async (connection: Connection, attempt: number): Promise<void> => {
    using scope = openScope({ timeoutMs: TIMEOUT_MS, clock }, { owner: signal })
    try {
      await init.identify(connection, scope)
    } catch (error) {
      if (signal.aborted || !waiting.has(connection)) return
      onError('asking a peer again what it speaks', error)
      if (attempt === MAX_ATTEMPTS) forget(connection)
      else plan(connection, attempt + 1, backoffMs(attempt, BACKOFF, random()))
    }
  }

  const onOpen = ({ detail }: CustomEvent<Connection>): void => plan(detail, 1, FIRST_MS)
  const onIdentify = ({ detail }: CustomEvent<IdentifyResult>): void => forget(detail.connection)
  const onClose = ({ detail }: CustomEvent<Connection>): void => forget(detail)
  listenUntil(signal, libp2p, {
    'connection:open': onOpen,
    'peer:identify': onIdentify,
    'connection:close': onClose,
  })
  const stop = (): void => {
    for (const connection of [...waiting.keys()]) forget(connection)
  }
  signal.addEventListener('abort', stop, { once: true })
}

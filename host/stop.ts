import type { Libp2p } from '@libp2p/interface'
import type { BookKeeper } from './book-keeper.ts'
import type { Persistence } from './data-dir.ts'
import { STOP_TIMEOUT_MS } from './defaults.ts'

/** Ends a host once, however often it is called, within a bounded time, and without throwing. */
export function createStop(init: {
  readonly libp2p: Pick<Libp2p, 'stop' | 'getConnections'>
  readonly keeper: BookKeeper
  readonly persistence: Persistence
  readonly stopping: AbortController
  readonly onError: (what: string, error: unknown) => void
}): () => Promise<void> {
  let stopped: Promise<void> | undefined
  const attempt = async (what: string, step: () => Promise<void>): Promise<void> => {
    try {
      await step()
    } catch (error) {
      init.onError(what, error)
    }
  }
  const stop = async (): Promise<void> => {
    init.stopping.abort(new DOMException('the host stops', 'AbortError'))
    await attempt('keeping the advertisements', init.keeper.close)
    await attempt('stopping libp2p', () => stopInTime(init.libp2p))
    await attempt('closing the datastore', init.persistence.close)
  }
  return () => {
    stopped ??= stop()
    return stopped
  }
}

/** libp2p closes connections politely, which a peer that is gone can hold up. */
async function stopInTime(libp2p: Pick<Libp2p, 'stop' | 'getConnections'>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<void>((resolve) => {
    timer = setTimeout(() => {
      for (const connection of libp2p.getConnections()) {
        connection.abort(new DOMException('the host stops', 'AbortError'))
      }
      resolve()
    }, STOP_TIMEOUT_MS)
  })
  try {
    // Settled either way before the race ends, so a late rejection is nobody's.
    const done = Promise.resolve(libp2p.stop())
    done.catch(() => undefined)
    await Promise.race([done, timeout])
  } finally {
    clearTimeout(timer)
  }
}

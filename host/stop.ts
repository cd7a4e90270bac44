import type { Libp2p } from '@libp2p/interface'
import { settledWithin } from '../timing/index.ts'
import type { Persistence } from './data-dir.ts'
import { STOP_TIMEOUT_MS } from './defaults.ts'

interface Closable {
  close(): Promise<void>
}

/** Stops a host within a bounded time. Idempotent; never throws. */
export function createStop(init: {
  readonly libp2p: Pick<Libp2p, 'stop' | 'getConnections'>
  /** State to write to the disk at the end. */
  readonly keepers: readonly Closable[]
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
    for (const keeper of init.keepers) await attempt('keeping what is known', () => keeper.close())
    await attempt('stopping libp2p', () => stopInTime(init.libp2p))
    await attempt('closing the datastore', () => init.persistence.close())
  }
  return () => {
    stopped ??= stop()
    return stopped
  }
}

/** libp2p closes connections gracefully, which a peer that is gone can delay. */
async function stopInTime(libp2p: Pick<Libp2p, 'stop' | 'getConnections'>): Promise<void> {
  let stopped = false
  const done = Promise.resolve(libp2p.stop()).finally(() => {
    stopped = true
  })
  await settledWithin(done, STOP_TIMEOUT_MS)
  if (stopped) return await done
  for (const connection of libp2p.getConnections()) {
    connection.abort(new DOMException('the host stops', 'AbortError'))
  }
}

import type { Client } from '../../client/index.ts'
import { InferenceError } from '../../protocol/index.ts'

const TIMEOUT_MS = 20_000
/** Interval of look-ups while no advertisement arrives. */
const LOOK_AGAIN_MS = 1_000

/**
 * Resolves once the client has found this many nodes and each has reported its load.
 *
 * @throws InferenceError `no_peers` after 20 s
 */
export async function foundAll(client: Client, nodes: number, signal: AbortSignal): Promise<void> {
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)])
  for (;;) {
    const updated = nextUpdate(client, deadline)
    const peers = await client.peers({ signal: deadline })
    if (peers.filter(({ load }) => load !== undefined).length >= nodes) return
    await updated
  }
}

function nextUpdate(client: Client, deadline: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      unsubscribe()
      clearTimeout(timer)
      deadline.removeEventListener('abort', settle)
      if (deadline.aborted)
        reject(new InferenceError('no_peers', 'the nodes were not found in time'))
      else resolve()
    }
    const unsubscribe = client.host.book.onUpdate(settle)
    const timer = setTimeout(settle, LOOK_AGAIN_MS)
    deadline.addEventListener('abort', settle)
  })
}

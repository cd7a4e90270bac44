import type { Libp2p } from '@libp2p/interface'
import { type AbortOptions, type Clock, openScope } from '../../timing/index.ts'

/** A host is back within it after its network has changed. */
const BACK_WITHIN_MS = 15_000

/** Waits until any peer is connected, for at most 15 s; returns at once if one is. @throws the signal's reason */
export async function untilOnline(
  libp2p: Pick<Libp2p, 'addEventListener' | 'getPeers' | 'removeEventListener'>,
  clock: Clock,
  { signal }: AbortOptions,
): Promise<void> {
  signal?.throwIfAborted()
  if (libp2p.getPeers().length > 0) return
  using scope = openScope({ timeoutMs: BACK_WITHIN_MS, clock }, { signal })
  await new Promise<void>((resolve) => {
    const done = (): void => {
      libp2p.removeEventListener('peer:identify', done)
      scope.signal.removeEventListener('abort', done)
      resolve()
    }
    // Only once its protocols are known can the peer be asked for others.
    libp2p.addEventListener('peer:identify', done)
    scope.signal.addEventListener('abort', done, { once: true })
  })
  signal?.throwIfAborted()
}

import type { Libp2p, Libp2pEvents } from '@libp2p/interface'

/** Some events, each with what is called for it. */
type Listeners = {
  readonly [Type in keyof Libp2pEvents]?: (event: Libp2pEvents[Type]) => void
}

/** Listens to events of the instance until the signal fires. */
export function listenUntil(
  signal: AbortSignal,
  libp2p: Pick<Libp2p, 'addEventListener' | 'removeEventListener'>,
  listeners: Listeners,
): void {
  const all = Object.entries(listeners) as [keyof Libp2pEvents, () => void][]
  for (const [type, listener] of all) libp2p.addEventListener(type, listener)
  const stop = (): void => {
    for (const [type, listener] of all) libp2p.removeEventListener(type, listener)
  }
  signal.addEventListener('abort', stop, { once: true })
}

import type { Libp2p, PeerId } from '@libp2p/interface'

/** The part of libp2p that emits connection events. */
export type ConnectionEvents = Pick<Libp2p, 'addEventListener' | 'removeEventListener'>

/** Reports each peer whose first connection opened or whose last one closed. @returns unsubscribes */
export function watchConnections(
  libp2p: ConnectionEvents,
  notify: (peer: string, isConnected: boolean) => void,
): () => void {
  const onConnect = ({ detail }: CustomEvent<PeerId>): void => notify(detail.toString(), true)
  const onDisconnect = ({ detail }: CustomEvent<PeerId>): void => notify(detail.toString(), false)
  libp2p.addEventListener('peer:connect', onConnect)
  libp2p.addEventListener('peer:disconnect', onDisconnect)
  return () => {
    libp2p.removeEventListener('peer:connect', onConnect)
    libp2p.removeEventListener('peer:disconnect', onDisconnect)
  }
}

import { type Host, isReachedByRelay } from '../host/index.ts'
import type { LedgerInit } from './ledger.ts'

/** The peers with an advertisement that this host knows, as a ledger wants them. */
export function receiptPeers({
  book,
  libp2p,
}: Pick<Host, 'book' | 'libp2p'>): Required<Pick<LedgerInit, 'needsRelay' | 'peers'>> {
  return {
    peers: () => book.all().map(({ peerId }) => peerId),
    needsRelay: (peer) =>
      libp2p.getConnections(peer).length === 0 && isReachedByRelay(book.get(peer)?.addresses ?? []),
  }
}

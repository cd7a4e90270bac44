import type { Connection, Libp2p, PeerId } from '@libp2p/interface'
import type { Advertisement } from '../../protocol/index.ts'
import type { AdvertisementBook, Host } from '../host.ts'

export interface IncludeSelfInit {
  readonly host: Host
  readonly connection: Connection
  /** What this host advertises now. */
  readonly advertisement: () => Advertisement | undefined
}

/** {@link Host.includingSelf} */
export function includeSelf({ host, connection, advertisement }: IncludeSelfInit): Host {
  const isSelf = (peer: PeerId): boolean => peer.equals(host.peerId)
  return {
    ...host,
    libp2p: withSelf(host.libp2p, connection, isSelf),
    book: bookWithSelf(host.book, advertisement, isSelf),
    includingSelf() {
      return this
    },
    fetchAdvertisement: async (peer, options) =>
      isSelf(peer) ? advertisement() : await host.fetchAdvertisement(peer, options),
    // The host belongs to others.
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}

function bookWithSelf(
  book: AdvertisementBook,
  own: () => Advertisement | undefined,
  isSelf: (peer: PeerId) => boolean,
): AdvertisementBook {
  return {
    get: (peer) => (isSelf(peer) ? own() : book.get(peer)),
    all: () => {
      const self = own()
      return self === undefined ? book.all() : [self, ...book.all()]
    },
    acquaintance: (peer) => (isSelf(peer) ? 'answered' : book.acquaintance(peer)),
    answered: (peer) => book.answered(peer),
    add: (envelope, expectedSigner) => book.add(envelope, expectedSigner),
    onUpdate: (listener) => book.onUpdate(listener),
  }
}

function withSelf(
  libp2p: Libp2p,
  connection: Connection,
  isSelf: (peer: PeerId) => boolean,
): Libp2p {
  const overrides: Pick<Libp2p, 'dialProtocol' | 'getConnections' | 'getPeers'> = {
    dialProtocol: async (peer, protocols, options) =>
      isPeerId(peer) && isSelf(peer)
        ? await connection.newStream(protocols, options)
        : await libp2p.dialProtocol(peer, protocols, options),
    getConnections: (peer) => {
      if (peer === undefined) return [connection, ...libp2p.getConnections()]
      return isSelf(peer) ? [connection] : libp2p.getConnections(peer)
    },
    getPeers: () => [connection.remotePeer, ...libp2p.getPeers()],
  }
  return new Proxy(libp2p, {
    get(target, name) {
      if (name in overrides) return overrides[name as keyof typeof overrides]
      const value: unknown = Reflect.get(target, name, target)
      // Its methods use private fields.
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

function isPeerId(peer: unknown): peer is PeerId {
  return typeof peer === 'object' && peer !== null && 'toMultihash' in peer
}

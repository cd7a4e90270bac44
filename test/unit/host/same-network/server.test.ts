import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Connection, PeerId } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { streamPair } from '@libp2p/utils'
import { multiaddr } from '@multiformats/multiaddr'
import { expect, it } from 'vitest'
import { askOnce } from '../../../../host/one-shot.ts'
import { SAME_NETWORK } from '../../../../host/same-network/limits.ts'
import { createSameNetworkServer } from '../../../../host/same-network/server.ts'
import { PROTOCOLS } from '../../../../protocol/index.ts'

const RELAY = '12D3KooWQXhMNfMNd5m4YzYRVGS8oVhmrNnLqGJZBXDzVxXdFTVA'

async function newPeer(): Promise<PeerId> {
  return peerIdFromPrivateKey(await generateKeyPair('Ed25519'))
}

function connection(remotePeer: PeerId, at: string): Connection {
  return { remotePeer, remoteAddr: multiaddr(at), status: 'open' } as Connection
}

it.each([
  ['the same public address', '/ip4/44.0.0.1/tcp/50001', '/ip4/44.0.0.1/tcp/60001', 1],
  ['another public address', '/ip4/44.0.0.1/tcp/50001', '/ip4/44.0.0.2/tcp/60001', 0],
  ['a private address', '/ip4/192.168.1.2/tcp/50001', '/ip4/192.168.1.2/tcp/60001', 0],
  [
    'the address of the relay that it came through',
    '/ip4/44.0.0.1/tcp/50001',
    `/ip4/44.0.0.1/tcp/4801/p2p/${RELAY}/p2p-circuit`,
    0,
  ],
])('a peer at %s', async (_, askerAt, otherAt, expected) => {
  const [asker, other] = [await newPeer(), await newPeer()]
  const libp2p = {
    getConnections: (peer?: PeerId) =>
      peer !== undefined && other.equals(peer) ? [connection(other, otherAt)] : [],
  }
  const serve = createSameNetworkServer(libp2p, () => 0)
  const ask = async (peer: PeerId): Promise<number | undefined> => {
    const answer = await askOnce(
      {
        libp2p: {
          dialProtocol: async () => {
            const [near, far] = await streamPair({ protocol: PROTOCOLS.sameNetwork })
            void serve(far, connection(asker, askerAt))
            return near
          },
        },
        peer: await newPeer(),
        protocol: PROTOCOLS.sameNetwork,
        request: peer.toMultihash().bytes,
        maxResponseBytes: SAME_NETWORK.maxResponseBytes,
        timeoutMs: 10_000,
      },
      {},
    )
    return answer[0]
  }
  expect(await ask(other)).toBe(expected)
  expect(await ask(await newPeer())).toBe(0)
})

import { generateKeyPair } from '@libp2p/crypto/keys'
import { type PeerId, type PeerStore, TypedEventEmitter } from '@libp2p/interface'
import { defaultLogger } from '@libp2p/logger'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { persistentPeerStore } from '@libp2p/peer-store'
import { multiaddr } from '@multiformats/multiaddr'
import { MemoryDatastore } from 'datastore-core'
import { describe, expect, it } from 'vitest'
import { boundPeerStore } from '../../../host/bounded-peer-store.ts'

const ADDRESSES = { multiaddrs: [multiaddr('/ip4/44.0.0.1/tcp/4801')] }
const newPeer = async (): Promise<PeerId> => peerIdFromPrivateKey(await generateKeyPair('Ed25519'))
const self = await newPeer()
const peers = await Promise.all(Array.from({ length: 60 }, newPeer))
const [first, second, third] = peers as [PeerId, PeerId, PeerId]

function open(datastore = new MemoryDatastore()): PeerStore {
  return persistentPeerStore({
    ...{ peerId: self, datastore, logger: defaultLogger() },
    events: new TypedEventEmitter(),
  })
}

async function known(store: PeerStore): Promise<ReadonlySet<string>> {
  return new Set((await store.all()).map(({ id }) => id.toString()))
}

describe('a peer store', () => {
  it('forgets those written longest ago, and neither the needed nor the tagged', async () => {
    const store = open()
    await boundPeerStore(store, { maxPeers: 10, isKept: (peer) => peer.equals(first) })
    for (const peer of peers) {
      const tags = peer.equals(second) ? { tags: { relay: { value: 1 } } } : {}
      await store.merge(peer, { ...ADDRESSES, ...tags })
    }
    const left = await known(store)
    expect(left.size).toBe(10)
    for (const peer of [first, second, ...peers.slice(-8)]) expect(left).toContain(peer.toString())
  })

  it('forgets no peer that is written again', async () => {
    const store = open()
    await boundPeerStore(store, { maxPeers: 10, isKept: () => false })
    for (const peer of peers) {
      await store.merge(peer, ADDRESSES)
      await store.patch(third, { protocols: ['/a'] })
    }
    expect(await known(store)).toContain(third.toString())
  })

  it('stays within the bound with writes at once, and with what an earlier run left', async () => {
    const datastore = new MemoryDatastore()
    const before = open(datastore)
    for (const peer of peers.slice(0, 30)) await before.merge(peer, ADDRESSES)
    const store = open(datastore)
    await boundPeerStore(store, { maxPeers: 10, isKept: () => false })
    expect((await known(store)).size).toBe(10)
    await Promise.all(peers.map((peer) => store.merge(peer, ADDRESSES)))
    expect((await known(store)).size).toBe(10)
  })

  it('keeps all of them without the bound (control)', async () => {
    const store = open()
    for (const peer of peers) await store.merge(peer, ADDRESSES)
    expect((await known(store)).size).toBe(peers.length)
  })
})

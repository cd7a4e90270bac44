import { generateKeyPair } from '@libp2p/crypto/keys'
import { type PeerStore, TypedEventEmitter } from '@libp2p/interface'
import { defaultLogger } from '@libp2p/logger'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { persistentPeerStore } from '@libp2p/peer-store'
import { multiaddr } from '@multiformats/multiaddr'
import { MemoryDatastore } from 'datastore-core'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { renewAddresses } from '../../../host/renewed-addresses.ts'

const MINUTE_MS = 60_000
const A = multiaddr('/ip4/44.0.0.1/tcp/4801')
const B = multiaddr('/ip4/44.0.0.2/tcp/4801')

let nowMs: number
const ids = await Promise.all(
  [0, 1].map(async () => peerIdFromPrivateKey(await generateKeyPair('Ed25519'))),
)
const [self, peer] = ids as [(typeof ids)[number], (typeof ids)[number]]
const datastore = (): MemoryDatastore => new MemoryDatastore()

/** As a process opens it. */
function open(over: MemoryDatastore): PeerStore {
  const store = persistentPeerStore({
    peerId: self,
    datastore: over,
    events: new TypedEventEmitter(),
    logger: defaultLogger(),
  })
  renewAddresses(store, self, () => nowMs)
  return store
}

async function addresses(store: PeerStore): Promise<string[]> {
  return (await store.get(peer)).addresses.map((each) => each.multiaddr.toString())
}

beforeEach(() => {
  nowMs = 1_800_000_000_000
  vi.spyOn(Date, 'now').mockImplementation(() => nowMs)
})
afterEach(() => vi.restoreAllMocks())

it.each(['merge', 'patch'] as const)(
  'an address that is seen again lives on, and another one is forgotten after an hour (%s)',
  async (write) => {
    const store = open(datastore())
    await store.merge(peer, { multiaddrs: [A, B] })
    for (let minute = 0; minute < 180; minute += 20) {
      nowMs += 20 * MINUTE_MS
      await store[write](peer, { multiaddrs: [A] })
      expect(await addresses(store)).toContain(A.toString())
    }
    expect(await addresses(store)).toEqual([A.toString()])
  },
)

it('an address that was hidden already is known again at once, as after an hour asleep', async () => {
  const store = open(datastore())
  await store.merge(peer, { multiaddrs: [A] })
  nowMs += 61 * MINUTE_MS
  expect(await addresses(store)).toEqual([])
  await store.merge(peer, { multiaddrs: [A] })
  expect(await addresses(store)).toEqual([A.toString()])
})

it('so is one that an earlier process stored', async () => {
  const over = datastore()
  await open(over).merge(peer, { multiaddrs: [A] })
  nowMs += 61 * MINUTE_MS
  const store = open(over)
  await store.merge(peer, { multiaddrs: [A] })
  expect(await addresses(store)).toEqual([A.toString()])
})

it('a reader never misses an address while it is renewed', async () => {
  const store = open(datastore())
  await store.merge(peer, { multiaddrs: [A, B] })
  nowMs += 30 * MINUTE_MS
  const writing = store.merge(peer, { multiaddrs: [A] })
  expect(await addresses(store)).toEqual([A.toString(), B.toString()])
  await writing
})

import { noise } from '@chainsafe/libp2p-noise'
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import type { Libp2p } from '@libp2p/interface'
import { kadDHT, passthroughMapper } from '@libp2p/kad-dht'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { createLibp2p } from 'libp2p'
import type { CID } from 'multiformats/cid'
import { sha256 } from 'multiformats/hashes/sha2'
import { compare } from 'uint8arrays/compare'
import { xor } from 'uint8arrays/xor'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDirectory } from '../../client/peers/directory/dht-directory.ts'
import type { DirectoryHost } from '../../client/peers/directory/directory.ts'
import { DISCOVERY_LIMITS } from '../../client/request/limits.ts'
import { createHost, type Host } from '../../host/index.ts'
import {
  type Advertisement,
  MODEL_KEY_SHARDS,
  modelKey,
  PROTOCOLS,
  parseModelReference,
} from '../../protocol/index.ts'
import { advertisementOf, modelNamed } from '../../testing/swarms/client-peers.ts'
import { systemClock } from '../../timing/index.ts'

const LISTEN = ['/ip4/127.0.0.1/tcp/0']
/** With the provider thirty. */
const SERVERS = 29
/** Kademlia's k: so many are named in an answer. */
const NAMED = 20
const LOOKUP_MS = 30_000
const MODEL = 'eclipsed'
const SETUP_MS = 240_000
/**
 * Keys of the hostile ones: of 100,000 seeds those whose ids are closest to the key of the model's first shard. An honest
 * id is closer than the last of them once in 5,000.
 */
const SEEDS = [
  54289, 49193, 88924, 1919, 54097, 67970, 19773, 85952, 9641, 10228, 37771, 3858, 22515, 83170,
  11685, 61614, 69869, 17442, 71609, 7627,
]

/** What the DHT of a host is made to do. */
interface Dht {
  readonly providers: { addProvider: unknown; getProviders: unknown }
  readonly peerRouting: { getClosestPeersOffline: (key: Uint8Array) => unknown }
}

const servers: Libp2p[] = []
const hostile: Libp2p[] = []
/**
 * Not a DHT server: a queried DHT server names itself, and among so few hosts a query asks most of them. In a
 * swarm of thousands a newcomer's query hardly meets the provider by chance; here it must find a record.
 */
let provider: Host
let keys: readonly CID[] = []

/** @param lookups of all newcomers together */
export function describeEclipse({
  newcomers,
  lookups,
}: {
  readonly newcomers: number
  readonly lookups: number
}): void {
  describe('with twenty hostile hosts of fifty closest to the key of one shard', () => {
    beforeAll(openSwarm, SETUP_MS)
    afterAll(async () => {
      await provider?.[Symbol.asyncDispose]()
      await Promise.all([...servers, ...hostile].map((one) => one.stop()))
    }, SETUP_MS)

    it('newcomers find the honest provider, though not by that shard', {
      timeout: SETUP_MS,
    }, async () => {
      let [byThatShard, found] = [0, 0]
      for (let n = 0; n < newcomers; n += 1) {
        await using newcomer = await createHost({
          ...{ dht: 'client', peerExchange: false },
          bootstrap: addressesOf(servers.slice(n, n + 1)),
        })
        await newcomer.joined({ timeoutMs: LOOKUP_MS })
        const [eclipsed] = keys
        if (eclipsed !== undefined) byThatShard += Number(await finds(newcomer, eclipsed))
        for (let again = 0; again < lookups / newcomers; again += 1) {
          found += Number(await discovers(newcomer))
        }
      }
      // The control: the attack holds.
      expect(byThatShard).toBeLessThanOrEqual(1)
      expect(found / lookups).toBeGreaterThanOrEqual(0.99)
    })
  })
}

async function openSwarm(): Promise<void> {
  keys = await Promise.all(
    Array.from({ length: MODEL_KEY_SHARDS }, (_, shard) => modelKey(MODEL, shard)),
  )
  hostile.push(...(await Promise.all(SEEDS.map((seed) => serverOf(seed)))))
  const [eclipsed] = keys
  const target = eclipsed?.multihash.bytes ?? new Uint8Array()
  while (servers.length < SERVERS) {
    const one = await serverOf()
    // Chance may have put it among the hostile ones.
    const near = await closest([...hostile, one], target, SEEDS.length)
    if (!near.includes(one)) servers.push(one)
  }
  for (const one of hostile) {
    const { providers, peerRouting } = dhtOf(one)
    providers.addProvider = () => Promise.resolve()
    providers.getProviders = () => Promise.resolve([])
    peerRouting.getClosestPeersOffline = () => Promise.resolve(hostile.map(named))
  }
  // Honest ones know all hosts, as after hours, and name the closest ones, as Kademlia wants.
  for (const one of servers) {
    dhtOf(one).peerRouting.getClosestPeersOffline = async (key) =>
      (await closest([...servers, ...hostile], key, NAMED)).map(named)
  }
  await Promise.all([...servers, ...hostile].map((one) => one.start()))
  provider = await createHost({
    ...{ dht: 'client', listen: LISTEN, peerExchange: false },
    bootstrap: addressesOf(servers.slice(0, 3)),
  })
  await provider.joined({ timeoutMs: 30_000 })
  for (const key of keys) await provider.provide(key, { signal: limit() })
}

async function finds(host: Host, key: CID): Promise<boolean> {
  for await (const peerId of host.findProviders(key, { signal: limit() })) {
    if (peerId.equals(provider.peerId)) return true
  }
  return false
}

/** As a client asks: the shipped directory, over a host without cache or peer exchange that knows no node yet. */
async function discovers(host: Host): Promise<boolean> {
  const statement = advertisementOf(provider.peerId, [modelNamed(MODEL)])
  const known: Advertisement[] = []
  const listeners = new Set<(advertisement: Advertisement) => void>()
  const blank: DirectoryHost = {
    peerId: host.peerId,
    joined: (options) => host.joined(options),
    findProviders: (key, options) => host.findProviders(key, options),
    fetchAdvertisement: async (peerId) => {
      if (!peerId.equals(provider.peerId)) return undefined
      known.push(statement)
      for (const listener of listeners) listener(statement)
      return statement
    },
    book: {
      get: (peerId) => known.find((one) => one.peerId.equals(peerId)),
      all: () => known,
      acquaintance: () => 'met',
      answered: () => {},
      add: () => Promise.reject(new Error('nothing is passed on')),
      onUpdate: (listener) => {
        listeners.add(listener)
        return () => listeners.delete(listener)
      },
    },
  }
  const directory = createDirectory({
    host: blank,
    limits: { ...DISCOVERY_LIMITS, lookupTimeoutMs: LOOKUP_MS },
    isConnected: () => false,
    clock: systemClock,
    random: Math.random,
  })
  const query = { reference: parseModelReference(MODEL), needs: { capabilities: [], fields: [] } }
  try {
    return await directory.discover(query, ({ length }) => length > 0, {
      signal: limit(),
      again: false,
    })
  } finally {
    await directory.close()
  }
}

/** A host that serves the DHT, and looks up nothing by itself. */
async function serverOf(seed?: number): Promise<Libp2p> {
  const bytes = new Uint8Array(32)
  new DataView(bytes.buffer).setUint32(0, seed ?? 0)
  return await createLibp2p({
    start: false,
    ...(seed !== undefined && { privateKey: await generateKeyPairFromSeed('Ed25519', bytes) }),
    addresses: { listen: LISTEN },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: {
      identify: identify(),
      ping: ping({ maxInboundStreams: 8, maxOutboundStreams: 8 }),
      dht: kadDHT({
        protocol: PROTOCOLS.kad,
        clientMode: false,
        peerInfoMapper: passthroughMapper,
        allowQueryWithZeroPeers: true,
        initialQuerySelfInterval: 5 * 60_000,
      }),
    },
  })
}

const positions = new WeakMap<Libp2p, Promise<Uint8Array>>()

/** Of a host, in the space of keys. */
function positionOf(one: Libp2p): Promise<Uint8Array> {
  const position = positions.get(one) ?? digest(one.peerId.toMultihash().bytes)
  positions.set(one, position)
  return position
}

const dhtOf = ({ services }: Libp2p): Dht => (services as unknown as { readonly dht: Dht }).dht

const named = (one: Libp2p) => ({ id: one.peerId, multiaddrs: one.getMultiaddrs() })

/** By Kademlia's distance: XOR of the hashes of peer id and key. */
async function closest(
  hosts: readonly Libp2p[],
  key: Uint8Array,
  count: number,
): Promise<readonly Libp2p[]> {
  const target = await digest(key)
  const all = await Promise.all(
    hosts.map(async (one) => {
      return { one, distance: xor(await positionOf(one), target) }
    }),
  )
  return all
    .toSorted((a, b) => compare(a.distance, b.distance))
    .slice(0, count)
    .map(({ one }) => one)
}

async function digest(bytes: Uint8Array): Promise<Uint8Array> {
  return (await sha256.digest(bytes)).digest
}

const addressesOf = (hosts: readonly Libp2p[]): string[] =>
  hosts.flatMap((one) => one.getMultiaddrs().map(String))

const limit = (): AbortSignal => AbortSignal.timeout(LOOKUP_MS)

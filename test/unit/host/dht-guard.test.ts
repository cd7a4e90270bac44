import { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire'
import type { Stream } from '@libp2p/interface'
import { streamPair } from '@libp2p/utils'
import { MemoryDatastore } from 'datastore-core'
import fc from 'fast-check'
import { Key } from 'interface-datastore'
import * as lengthPrefixed from 'it-length-prefixed'
import { describe, expect, it } from 'vitest'
import { filteredStream } from '../../../host/dht-guard/filtered-stream.ts'
import { DHT_LIMITS } from '../../../host/dht-guard/limits.ts'
import { boundMessage } from '../../../host/dht-guard/message.ts'
import { mixProviders } from '../../../host/dht-guard/mixed-providers.ts'
import { RecordQuota } from '../../../host/dht-guard/record-quota.ts'
import { Random } from '../../../testing/index.ts'

const LENGTH_DELIMITED = 2
const bytesOf = (length: number): Uint8Array => new Uint8Array(length).fill(7)

function peer(addresses: number, addressBytes = 8, id = 7): Uint8Array {
  const writer = new BinaryWriter()
  writer.tag(1, LENGTH_DELIMITED).bytes(new Uint8Array(38).fill(id))
  for (let n = 0; n < addresses; n += 1) {
    writer.tag(2, LENGTH_DELIMITED).bytes(bytesOf(addressBytes))
  }
  return writer.finish()
}

function message({ closer = 0, providers = 0, addresses = 1, key = bytesOf(36) } = {}): Uint8Array {
  const writer = new BinaryWriter()
  writer.tag(1, 0).uint32(3).tag(2, LENGTH_DELIMITED).bytes(key)
  for (let n = 0; n < closer; n += 1) writer.tag(8, LENGTH_DELIMITED).bytes(peer(addresses))
  for (let n = 0; n < providers; n += 1) writer.tag(9, LENGTH_DELIMITED).bytes(peer(addresses))
  writer.tag(10, 0).uint32(5)
  return writer.finish()
}

/** How often each field stands in a message. */
function fieldsOf(bytes: Uint8Array): Record<number, Uint8Array[]> {
  const reader = new BinaryReader(bytes)
  const fields: Record<number, Uint8Array[]> = {}
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag()
    const value = wireType === LENGTH_DELIMITED ? reader.bytes() : reader.skip(wireType, field)
    fields[field] = [...(fields[field] ?? []), value]
  }
  return fields
}

describe('a message of the DHT', () => {
  it('stays as it is within the bounds', () => {
    const honest = message({ closer: 20, providers: 60, addresses: 4 })
    expect(fieldsOf(boundMessage(honest).bytes)).toEqual(fieldsOf(honest))
    expect(boundMessage(honest)).toMatchObject({ type: 3, key: bytesOf(36) })
  })

  it('keeps no more peers, providers and addresses than the bounds, whatever it lists', () => {
    const hostile = message({ closer: 5_000, providers: 5_000, addresses: 3 })
    const { 8: closer, 9: providers, 10: level } = fieldsOf(boundMessage(hostile).bytes)
    expect(closer).toHaveLength(DHT_LIMITS.maxCloserPeers)
    expect(providers).toHaveLength(DHT_LIMITS.maxProviders)
    expect(level).toHaveLength(1)
    const many = boundMessage(message({ closer: 1, addresses: 500 })).bytes
    expect(fieldsOf(fieldsOf(many)[8]?.[0] ?? bytesOf(0))[2]).toHaveLength(DHT_LIMITS.maxAddresses)
  })

  it('lists providers in another order for each reader, and of too many another part', () => {
    const providers = DHT_LIMITS.maxProviders + 44
    const listed = (seed: number, count: number): string[] => {
      const { next } = new Random(seed)
      const writer = new BinaryWriter()
      for (let n = 0; n < count; n += 1) {
        writer.tag(9, LENGTH_DELIMITED).bytes(peer(1, n % 200 || 200, Math.floor(n / 200)))
      }
      const { 9: kept = [] } = fieldsOf(boundMessage(writer.finish(), next).bytes)
      return kept.map((bytes) => Buffer.from(bytes).toString('hex'))
    }
    const readers = Array.from({ length: 20 }, (_, seed) => listed(seed + 1, 20))
    for (const reader of readers) expect(new Set(reader)).toEqual(new Set(readers[0]))
    const first = Map.groupBy(readers, ([provider]) => provider)
    expect(Math.max(...[...first.values()].map((some) => some.length))).toBeLessThanOrEqual(4)
    expect(new Set(listed(1, providers))).not.toEqual(new Set(listed(2, providers)))
  })

  it('drops addresses that are too long and refuses keys that are', () => {
    const writer = new BinaryWriter()
    writer.tag(9, LENGTH_DELIMITED).bytes(peer(3, DHT_LIMITS.maxAddressBytes + 1))
    const [provider] = fieldsOf(boundMessage(writer.finish()).bytes)[9] ?? []
    expect(fieldsOf(provider ?? bytesOf(0))[2]).toBeUndefined()
    expect(() => boundMessage(message({ key: bytesOf(DHT_LIMITS.maxKeyBytes + 1) }))).toThrow()
  })

  it('of any bytes is bounded or refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        try {
          boundMessage(bytes)
        } catch (error) {
          expect(error).toBeInstanceOf(Error)
        }
      }),
    )
  })
})

describe('a filtered stream', () => {
  /** What a listener gets of `sent`, cut anywhere. */
  const received = async (
    sent: readonly Uint8Array[],
    filter: (message: Uint8Array) => Uint8Array | undefined,
  ): Promise<{ readonly got: Uint8Array[]; readonly stream: Stream }> => {
    const [outbound, inbound] = await streamPair()
    const stream = filteredStream(inbound, { maxMessageBytes: 1_000, filter })
    const got: Uint8Array[] = []
    const ended = new Promise<void>((resolve) => {
      inbound.addEventListener('close', () => resolve())
      inbound.addEventListener('remoteCloseWrite', () => resolve())
    })
    stream.addEventListener('message', ({ data }) => got.push(data.subarray()))
    for (const bytes of sent) outbound.send(bytes)
    await outbound.close().catch(() => {})
    await ended
    return { got, stream }
  }
  const framed = (bytes: Uint8Array): Uint8Array => lengthPrefixed.encode.single(bytes).subarray()

  it('passes whole messages through the filter, however they were cut', async () => {
    const wire = [bytesOf(3), bytesOf(300), bytesOf(1)].map(framed)
    const all = Buffer.concat(wire)
    const pieces = [all.subarray(0, 1), all.subarray(1, 5), all.subarray(5, 290), all.subarray(290)]
    const { got } = await received(pieces, (bytes) => (bytes.length === 1 ? undefined : bytes))
    expect(got).toEqual(wire.slice(0, 2))
  })

  it('ends at a length beyond the bound, before its bytes', async () => {
    const { got, stream } = await received(
      [framed(bytesOf(1)), Uint8Array.of(0xff, 0x7f)],
      (m) => m,
    )
    expect(got).toHaveLength(1)
    expect(stream.status).toBe('aborted')
  })

  it('keeps its whole logger', async () => {
    const [, inbound] = await streamPair()
    // As with DEBUG=*: a function with the other levels as properties.
    inbound.log = Object.assign(() => {}, inbound.log, { error: () => {}, trace: () => {} })
    const { log } = filteredStream(inbound, { maxMessageBytes: 1_000, filter: (bytes) => bytes })
    expect(log).toBe(inbound.log)
    expect(log.error).toBeTypeOf('function')
  })

  it('ends where the filter refuses', async () => {
    const { stream } = await received([framed(bytesOf(1))], () => {
      throw new Error('no')
    })
    expect(stream.status).toBe('aborted')
  })
})

describe('room for records', () => {
  const fill = (quota: RecordQuota, count: number, of: (n: number) => [string, string, string]) => {
    let admitted = 0
    for (let n = 0; n < count; n += 1) {
      const [peer, network, key] = of(n)
      if (quota.admit({ peer, network, key })) admitted += 1
    }
    return admitted
  }

  it('is bounded for one peer, and renewing takes none', () => {
    const quota = new RecordQuota(() => 0)
    const { maxKeysPerPeer } = DHT_LIMITS
    expect(fill(quota, 9_000, (n) => ['a', '', `${n}`])).toBe(maxKeysPerPeer)
    expect(fill(quota, 10, (n) => ['a', '', `${n}`])).toBe(10)
    expect(quota.size).toBe(maxKeysPerPeer)
    expect(quota.admit({ peer: 'b', network: '', key: '0' })).toBe(true)
  })

  it('is bounded for a network and in all, whatever the identities', () => {
    const quota = new RecordQuota(() => 0)
    expect(fill(quota, 20_000, (n) => [`p${n}`, '1.2.3', `${n}`])).toBe(
      DHT_LIMITS.maxRecordsPerNetwork,
    )
    expect(fill(quota, 70_000, (n) => [`q${n}`, `n${n}`, `${n}`])).toBe(
      DHT_LIMITS.maxRecords - DHT_LIMITS.maxRecordsPerNetwork,
    )
  })

  it('of one key is not left to one network', () => {
    const quota = new RecordQuota(() => 0)
    const { maxProvidersPerKey, maxProvidersPerKeyAndNetwork } = DHT_LIMITS
    expect(fill(quota, 500, (n) => [`p${n}`, '1.2.3', 'k'])).toBe(maxProvidersPerKeyAndNetwork)
    expect(fill(quota, 900, (n) => [`q${n}`, `n${n}`, 'k'])).toBe(
      maxProvidersPerKey - maxProvidersPerKeyAndNetwork,
    )
  })

  it('becomes free when records expire', () => {
    let nowMs = 0
    const quota = new RecordQuota(() => nowMs)
    fill(quota, 9_000, (n) => ['a', '1.2.3', `${n}`])
    nowMs = DHT_LIMITS.recordLifeMs
    expect(quota.admit({ peer: 'a', network: '1.2.3', key: 'new' })).toBe(true)
    expect(quota.size).toBe(1)
  })
})

describe('the providers of a key in the store', () => {
  it('are listed in another order each time, and other records in their own', async () => {
    const store = new MemoryDatastore()
    const keys = Array.from({ length: 20 }, (_, n) => `/dht/provider/cid/${n}`)
    for (const key of keys) await store.put(new Key(key), new Uint8Array([1]))
    const mixed = mixProviders(store, new Random(1).next)
    const list = async (prefix: string): Promise<string[]> =>
      (await Array.fromAsync(mixed.query({ prefix }))).map(({ key }) => key.toString())
    const [once, again] = [await list('/dht/provider/cid'), await list('/dht/provider/cid')]
    expect(once).not.toEqual(again)
    expect(new Set(once)).toEqual(new Set(keys))
    expect(await list('/dht/provider')).toEqual(await list('/dht/provider'))
  })
})

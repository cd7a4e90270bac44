import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Connection, Libp2p } from '@libp2p/interface'
import { peerIdFromPrivateKey, peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type EntryPoint, keepEntryPoints, rankEntryPoints } from '../../../host/entry-points.ts'
import { PROTOCOLS } from '../../../protocol/index.ts'
import { VirtualClock } from '../../../testing/index.ts'

const DAY_MS = 86_400_000
const createId = async (): Promise<string> =>
  peerIdFromPrivateKey(await generateKeyPair('Ed25519')).toString()

describe('the order of entry points', () => {
  it('has those known longest first, a few of each network, without long-gone ones', async () => {
    const make = async (
      ip: string,
      firstMs: number,
      lastMs = 100 * DAY_MS,
    ): Promise<EntryPoint> => ({
      address: `/ip4/${ip}/tcp/4801/p2p/${await createId()}`,
      firstMs,
      lastMs,
    })
    const old = await make('44.0.0.1', 1)
    const gone = await make('44.0.1.1', 0, DAY_MS)
    const flood = await Promise.all(
      Array.from({ length: 50 }, (_, index) => make(`45.0.0.${index + 1}`, 2)),
    )
    const late = await make('46.0.0.1', 9)
    const again = { ...old, address: old.address.replace('4801', '4802'), firstMs: 8 }
    const ranked = rankEntryPoints([late, ...flood, again, gone, old], 100 * DAY_MS)
    expect(ranked[0]).toEqual(old)
    expect(ranked.at(-1)).toEqual(late)
    expect(ranked).toHaveLength(4)
  })
})

describe('the entry points of a host', () => {
  let folder: string
  let path: string
  const stopping = new AbortController()

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'skein-entry-'))
    path = join(folder, 'entry-points.json')
  })
  afterEach(() => rm(folder, { recursive: true }))

  const open = (connections: readonly Partial<Connection>[], wallMs: number, writable = true) => {
    const merged: string[] = []
    const libp2p = Object.assign(new EventTarget(), {
      getConnections: () => connections,
      peerStore: {
        get: () => Promise.resolve({ protocols: [PROTOCOLS.kad] }),
        merge: (peer: unknown) => Promise.resolve(merged.push(String(peer))),
      },
    }) as unknown as Libp2p
    const entries = keepEntryPoints({
      ...{ libp2p, path, writable, signal: stopping.signal },
      clock: new VirtualClock({ wallMs }),
      onFault: () => {},
      onError: (what, error) => {
        throw new Error(what, { cause: error })
      },
    })
    return { entries, merged }
  }
  const connection = (id: string, address: string, direction: 'inbound' | 'outbound') => ({
    remotePeer: peerIdFromString(id),
    remoteAddr: multiaddr(`${address}/p2p/${id}`),
    direction,
  })

  it('are public peers that it dialled, and outlive the process with the day they were met', async () => {
    const id = await createId()
    const first = open(
      [
        connection(id, '/ip4/44.0.0.1/tcp/4801', 'outbound'),
        connection(await createId(), '/ip4/44.0.2.1/tcp/50000', 'inbound'),
        connection(await createId(), '/ip4/192.168.1.1/tcp/4801', 'outbound'),
      ],
      DAY_MS,
    )
    await (await first.entries).close()
    const second = open([connection(id, '/ip4/44.0.0.1/tcp/4801', 'outbound')], 5 * DAY_MS)
    const entries = await second.entries
    expect(entries.all().map(({ address }) => address)).toEqual([
      `/ip4/44.0.0.1/tcp/4801/p2p/${id}`,
    ])
    expect((await entries.candidates()).map(String)).toEqual([id])
    expect(second.merged).toEqual([id])
    await entries.close()
    expect(JSON.parse(await readFile(path, 'utf8'))).toEqual([
      { address: `/ip4/44.0.0.1/tcp/4801/p2p/${id}`, firstMs: DAY_MS, lastMs: 5 * DAY_MS },
    ])
  })

  it.each([
    '',
    '{',
    '{}',
    '[null,{"address":"x","firstMs":1,"lastMs":1}]',
    '[{"address":"/ip4/10.0.0.1/tcp/1/p2p/12D3KooWQXhMNfMNd5m4YzYRVGS8oVhmrNnLqGJZBXDzVxXdFTVA","firstMs":1,"lastMs":1}]',
  ])('are absent where the file holds %s', async (text) => {
    await writeFile(path, text)
    const entries = await open([], 2).entries
    expect(entries.all()).toEqual([])
    await entries.close()
  })
})

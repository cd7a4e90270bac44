import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Connection, PeerId } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { beforeEach, describe, expect, it } from 'vitest'
import { createNeighbourDialer } from '../../../host/neighbour-dialer.ts'
import { PROTOCOLS } from '../../../protocol/index.ts'

const LAN = multiaddr('/ip4/192.168.1.2/tcp/4801')
const OUTER = '/ip4/44.0.0.2/tcp/4801'

describe('a neighbour on the LAN', () => {
  let id: PeerId
  let connections: Connection[]
  let dialed: { readonly addresses: string[]; readonly force: boolean }[]
  let closed: string[]
  let nowMs = 0

  const connect = (address: string, protocol?: string): void => {
    connections.push({
      remoteAddr: multiaddr(address),
      streams: protocol === undefined ? [] : [{ protocol }],
      close: () => Promise.resolve(closed.push(address)),
    } as unknown as Connection)
  }
  const dial = createNeighbourDialer({
    libp2p: {
      getConnections: () => connections,
      dial: (addresses, options) => {
        dialed.push({
          addresses: [addresses].flat().map(String),
          force: (options as { force?: boolean }).force === true,
        })
        return Promise.resolve({} as Connection)
      },
    },
    now: () => nowMs,
    signal: new AbortController().signal,
    onError: (what, error) => {
      throw new Error(what, { cause: error })
    },
  })
  const announce = (vouched = [LAN]) => dial({ id, multiaddrs: [LAN], vouched })

  beforeEach(async () => {
    id = peerIdFromPrivateKey(await generateKeyPair('Ed25519'))
    connections = []
    dialed = []
    closed = []
    nowMs = 0
  })

  it('is dialled', async () => {
    await announce()
    expect(dialed).toEqual([{ addresses: [LAN.toString()], force: false }])
  })

  it.each([
    ['its outer address', OUTER],
    ['a relay', `${OUTER}/p2p/12D3KooWQXhMNfMNd5m4YzYRVGS8oVhmrNnLqGJZBXDzVxXdFTVA/p2p-circuit`],
  ])('is moved from %s to the LAN', async (_, address) => {
    connect(address)
    await announce()
    expect(dialed).toEqual([{ addresses: [LAN.toString()], force: true }])
    expect(closed).toEqual([address])
  })

  it('keeps the connection on which an answer is streaming', async () => {
    connect(OUTER, PROTOCOLS.inference)
    await announce()
    expect(dialed).toHaveLength(1)
    expect(closed).toEqual([])
  })

  it('is not dialled if it is connected over the LAN, or the packet has no address of its sender', async () => {
    connect(OUTER)
    await announce([])
    connect('/ip4/192.168.1.2/tcp/4801')
    await announce()
    expect(dialed).toEqual([])
  })

  it('is dialled again at most once a minute', async () => {
    connect(OUTER, PROTOCOLS.inference)
    for (let count = 0; count < 6; count += 1) await announce()
    expect(dialed).toHaveLength(1)
    nowMs = 60_000
    await announce()
    expect(dialed).toHaveLength(2)
  })
})

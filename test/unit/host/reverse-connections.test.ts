import { type IdentifyResult, TypedEventEmitter } from '@libp2p/interface'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  type ReverseConnectionsInit,
  reverseConnections,
} from '../../../host/reverse-connections.ts'
import { newPeerId } from '../../../testing/swarms/client-peers.ts'

const RELAYED =
  '/ip4/44.0.0.1/tcp/4801/p2p/12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5/p2p-circuit'
const PUBLIC = '/ip4/44.0.0.9/tcp/4801'

describe('a peer that came through a relay', () => {
  const events = new TypedEventEmitter()
  let stopping: AbortController
  let nowMs: number
  let dialled: string[]
  let open: readonly string[]

  beforeEach(() => {
    stopping = new AbortController()
    nowMs = 0
    dialled = []
    open = [RELAYED]
    const libp2p = Object.assign(events, {
      getConnections: () =>
        open.map((address) => ({ remoteAddr: multiaddr(address), status: 'open' })),
      dial: (addresses: readonly Multiaddr[]) => {
        dialled.push(...addresses.map((address) => address.toString().replace(/\/p2p\/.*/, '')))
        return Promise.reject(new Error('nothing listens there'))
      },
    }) as unknown as ReverseConnectionsInit['libp2p']
    reverseConnections({ libp2p, now: () => nowMs, signal: stopping.signal, onError: () => {} })
  })
  afterEach(() => stopping.abort())

  const come = async (
    listening: readonly string[],
    { from = RELAYED, direction = 'inbound' } = {},
    peer = newPeerId(),
  ): Promise<void> => {
    const detail = {
      connection: { direction, remoteAddr: multiaddr(from) },
      listenAddrs: listening.map((address) => multiaddr(address)),
      peerId: await peer,
    } as unknown as IdentifyResult
    events.dispatchEvent(new CustomEvent('peer:identify', { detail }))
  }

  it('is dialled at its public addresses, four at most', async () => {
    await come(Array.from({ length: 9 }, (_, index) => `/ip4/44.0.0.9/tcp/${4_801 + index}`))
    expect(dialled).toEqual([4_801, 4_802, 4_803, 4_804].map((port) => `/ip4/44.0.0.9/tcp/${port}`))
  })

  it.each([
    ['in the LAN', '/ip4/192.168.1.7/tcp/4801'],
    ['on this machine', '/ip4/127.0.0.1/tcp/4801'],
    ['of a metadata service', '/ip4/169.254.169.254/tcp/4801'],
    ['of a service of the system', '/ip4/44.0.0.9/tcp/25'],
    ['by a name, which leads anywhere', '/dns4/victim.example/tcp/4801'],
    ['through another relay', RELAYED],
  ])('is not dialled at an address %s', async (_, address) => {
    await come([address])
    expect(dialled).toEqual([])
  })

  it('is not dialled if it is connected directly, or was dialled through the relay', async () => {
    await come([PUBLIC], { direction: 'outbound' })
    await come([PUBLIC], { from: PUBLIC })
    open = [RELAYED, PUBLIC]
    await come([PUBLIC])
    expect(dialled).toEqual([])
  })

  it('is dialled once a minute, and all of them together at a bounded rate', async () => {
    const peer = newPeerId()
    await come([PUBLIC], {}, peer)
    await come([PUBLIC], {}, peer)
    expect(dialled).toHaveLength(1)
    for (let other = 0; other < 40; other += 1) await come([PUBLIC])
    expect(dialled).toHaveLength(16)
    nowMs = 60_000
    await come([PUBLIC], {}, peer)
    expect(dialled).toHaveLength(17)
  })
})

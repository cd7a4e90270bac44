import { type Connection, type IdentifyResult, TypedEventEmitter } from '@libp2p/interface'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type DirectDialsInit, dialDirectly } from '../../../host/direct-dials.ts'
import { VirtualClock } from '../../../testing/index.ts'
import { newPeerId } from '../../../testing/swarms/client-peers.ts'

const RELAYED =
  '/ip4/44.0.0.1/tcp/4801/p2p/12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5/p2p-circuit'
const PUBLIC = '/ip4/44.0.0.9/tcp/4801'

describe('a peer that is connected through a relay only', () => {
  const events = new TypedEventEmitter()
  let stopping: AbortController
  let clock: VirtualClock
  let dialled: string[]
  let open: readonly string[]
  let isListening: boolean

  beforeEach(() => {
    stopping = new AbortController()
    clock = new VirtualClock()
    isListening = false
    dialled = []
    open = [RELAYED]
    const libp2p = Object.assign(events, {
      getConnections: () =>
        open.map((address) => ({ remoteAddr: multiaddr(address), status: 'open' })),
      dial: (addresses: readonly Multiaddr[]) => {
        dialled.push(...addresses.map((address) => address.toString().replace(/\/p2p\/.*/, '')))
        return isListening ? Promise.resolve() : Promise.reject(new Error('nothing listens there'))
      },
    }) as unknown as DirectDialsInit['libp2p']
    dialDirectly({
      ...{ libp2p, clock, random: () => 1, signal: stopping.signal, onError: () => {} },
      isNeighbours: (address) => address.toString().startsWith('/ip4/10.0.0.'),
    })
  })
  afterEach(() => stopping.abort())

  const come = async (
    listening: readonly string[],
    { from = RELAYED, direction = 'inbound' } = {},
    peer = newPeerId(),
  ): Promise<Connection> => {
    const remotePeer = await peer
    const connection = {
      ...{ direction, remotePeer, status: 'open' },
      remoteAddr: multiaddr(from),
    } as unknown as Connection
    const detail = {
      connection,
      listenAddrs: listening.map((address) => multiaddr(address)),
      peerId: remotePeer,
    } as unknown as IdentifyResult
    events.dispatchEvent(new CustomEvent('peer:identify', { detail }))
    return connection
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

  it('is dialled as a neighbour', async () => {
    await come(['/ip4/10.0.0.7/tcp/4801'])
    expect(dialled).toEqual(['/ip4/10.0.0.7/tcp/4801'])
  })

  it('is not dialled if it is connected directly, or came by a direct connection', async () => {
    await come([PUBLIC], { from: PUBLIC })
    open = [RELAYED, PUBLIC]
    await come([PUBLIC])
    await clock.advance(3_600_000)
    expect(dialled).toEqual([])
  })

  it('is dialled once a minute, and all of them together at a bounded rate', async () => {
    const peer = newPeerId()
    await come([PUBLIC], {}, peer)
    await come([PUBLIC], {}, peer)
    expect(dialled).toHaveLength(1)
    for (let other = 0; other < 40; other += 1) await come(['/ip4/44.0.0.10/tcp/4801'])
    expect(dialled).toHaveLength(16)
    const again = (): number => dialled.filter((address) => address === PUBLIC).length
    await clock.advance(60_000)
    expect(again()).toBe(2)
  })

  it('is dialled ever less often while that fails, until its connection ends', async () => {
    const connection = await come([PUBLIC])
    await clock.advance(10 * 3_600_000)
    expect(dialled.length).toBeGreaterThan(10)
    expect(dialled.length).toBeLessThan(20)
    events.dispatchEvent(new CustomEvent('connection:close', { detail: connection }))
    const before = dialled.length
    await clock.advance(10 * 3_600_000)
    expect(dialled).toHaveLength(before)
  })

  it('is dialled again within a minute or so if the direct connection is lost', async () => {
    isListening = true
    await come([PUBLIC])
    expect(dialled).toHaveLength(1)
    open = [RELAYED, PUBLIC]
    await clock.advance(3_600_000)
    expect(dialled).toHaveLength(1)
    open = [RELAYED]
    await clock.advance(60_000)
    expect(dialled).toHaveLength(2)
  })

  it('is dialled after a while if this host has tried its addresses before, and at once at others', async () => {
    const peer = newPeerId()
    const outbound = { direction: 'outbound' }
    await come([PUBLIC], outbound, peer)
    expect(dialled).toEqual([])
    await clock.advance(15_000)
    expect(dialled).toEqual([PUBLIC])
    const other = newPeerId()
    await come([PUBLIC], outbound, other)
    const moved = '/ip4/44.0.0.11/tcp/4801'
    await come([moved], outbound, other)
    expect(dialled).toEqual([PUBLIC, moved])
  })

  it('is dialled by name by the host that dialled it before', async () => {
    await come(['/dns4/node.example/tcp/4801'], { direction: 'outbound' })
    await clock.advance(60_000)
    expect(dialled).toEqual(['/dns4/node.example/tcp/4801'])
  })
})

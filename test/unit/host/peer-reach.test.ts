import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, it } from 'vitest'
import { peerReach } from '../../../host/index.ts'

const PUBLIC = '/ip4/44.0.0.2/tcp/4801'
const LAN = '/ip4/192.168.1.2/tcp/4801'
const RELAYED =
  '/ip4/44.0.0.1/tcp/4801/p2p/12D3KooWQXhMNfMNd5m4YzYRVGS8oVhmrNnLqGJZBXDzVxXdFTVA/p2p-circuit'

const reach = (
  addresses: readonly string[],
  connected: readonly string[] = [],
  direction: 'inbound' | 'outbound' = 'outbound',
) =>
  peerReach(
    addresses.map((text) => multiaddr(text)),
    connected.map((text) => ({ direction, remoteAddr: multiaddr(text), status: 'open' as const })),
  )

describe('how a peer is reached', () => {
  it.each([
    ['public', [LAN, PUBLIC, RELAYED]],
    ['public', ['/dns4/node.example/tcp/4801']],
    ['relayed', [LAN, RELAYED]],
    ['lan', [LAN]],
    ['lan', ['/ip4/127.0.0.1/tcp/1']],
    ['unknown', []],
  ])('is %s by its addresses', (reachability, addresses) => {
    expect(reach(addresses)).toEqual({ reachability })
  })

  it.each([
    ['lan', [LAN]],
    ['relayed', [RELAYED]],
    ['public', [RELAYED, PUBLIC]],
    ['relayed', [RELAYED, '/ip4/44.0.0.2/udp/40000/webrtc']],
  ])('is %s by the connection to it, whatever it says', (reachability, connected) => {
    const { connectedAt, ...rest } = reach([PUBLIC], connected)
    expect(rest).toEqual({ reachability })
    expect(connected).toContain(connectedAt)
  })

  it('is not shown by a connection that it opened itself', () => {
    expect(reach([LAN], ['/ip4/44.0.0.2/tcp/50000'], 'inbound')).toEqual({ reachability: 'lan' })
  })
})

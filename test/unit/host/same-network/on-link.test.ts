import type { NetworkInterfaceInfo } from 'node:os'
import { multiaddr } from '@multiformats/multiaddr'
import { expect, it } from 'vitest'
import { isOnLink } from '../../../../host/same-network/on-link.ts'

const interfaces = [
  { cidr: '127.0.0.1/8', internal: true },
  { cidr: '192.168.1.7/24', internal: false },
  { cidr: 'fd00:1::7/64', internal: false },
  { cidr: '44.0.0.2/24', internal: false },
] as NetworkInterfaceInfo[]

it.each([
  ['/ip4/192.168.1.9/tcp/4801', true],
  ['/ip4/192.168.1.9/tcp/4801/ws', true],
  ['/ip6/fd00:1::9/tcp/4801', true],
  ['/ip4/192.168.2.9/tcp/4801', false],
  ['/ip4/10.0.0.1/tcp/4801', false],
  ['/ip6/fd00:2::9/tcp/4801', false],
  ['/ip4/192.168.1.1/tcp/80', false],
  ['/ip4/192.168.1.9/udp/4801/quic-v1', false],
  ['/ip4/127.0.0.1/tcp/4801', false],
  ['/ip4/169.254.169.254/tcp/4801', false],
  ['/ip4/44.0.0.9/tcp/4801', false],
  ['/dns4/printer.local/tcp/4801', false],
])('%s is in a network of this machine: %s', (address, expected) => {
  expect(isOnLink(multiaddr(address), interfaces)).toBe(expected)
})

import { multiaddr } from '@multiformats/multiaddr'
import { expect, it } from 'vitest'
import { shouldServeDht } from '../../../host/dht-mode.ts'

const RELAY = 'p2p/12D3KooWQXhMNfMNd5m4YzYRVGS8oVhmrNnLqGJZBXDzVxXdFTVA/p2p-circuit'

it.each([
  ['on the Internet', ['/ip4/44.0.0.2/tcp/4801', '/ip4/192.168.1.2/tcp/4801'], ['44.0.0.2'], true],
  ['in a network without Internet', ['/ip4/192.168.1.2/tcp/4801'], [], true],
  ['on one machine', ['/ip4/127.0.0.1/tcp/4801'], [], true],
  ['behind a NAT', ['/ip4/192.168.1.2/tcp/4801'], ['44.0.0.1'], false],
  [
    'reached through a relay on the Internet',
    ['/ip4/192.168.1.2/tcp/4801', `/ip4/45.1.0.1/tcp/4801/${RELAY}`],
    [],
    false,
  ],
  [
    'reached through a relay in its own network',
    ['/ip4/192.168.1.2/tcp/4801', `/ip4/192.168.1.3/tcp/4801/${RELAY}`],
    [],
    true,
  ],
  ['reached at a forwarded port', ['/ip4/44.0.0.1/tcp/5900'], ['44.0.0.1'], true],
])('a host %s: %o seen at %o serves the DHT: %s', (_, addresses, seenAt, serves) => {
  expect(
    shouldServeDht(
      addresses.map((address) => multiaddr(address)),
      seenAt,
    ),
  ).toBe(serves)
})

import { multiaddr } from '@multiformats/multiaddr'
import { expect, it } from 'vitest'
import { shouldServeDht } from '../../../host/dht-mode.ts'

const RELAY = 'p2p/12D3KooWQXhMNfMNd5m4YzYRVGS8oVhmrNnLqGJZBXDzVxXdFTVA/p2p-circuit'

it.each([
  ['on the Internet', ['/ip4/44.0.0.2/tcp/4801'], ['44.0.0.2'], true, true],
  ['with IPv6 that was not confirmed', ['/ip6/2a0e::1/tcp/4801'], ['44.0.0.2'], false, false],
  ['in a network without Internet', ['/ip4/192.168.1.2/tcp/4801'], [], false, true],
  ['on one machine', ['/ip4/127.0.0.1/tcp/4801'], [], false, true],
  ['behind a NAT', ['/ip4/192.168.1.2/tcp/4801'], ['44.0.0.1'], false, false],
  [
    'reached through a relay on the Internet',
    ['/ip4/192.168.1.2/tcp/4801', `/ip4/45.1.0.1/tcp/4801/${RELAY}`],
    [],
    false,
    false,
  ],
  [
    'reached through a relay in its own network',
    ['/ip4/192.168.1.2/tcp/4801', `/ip4/192.168.1.3/tcp/4801/${RELAY}`],
    [],
    false,
    true,
  ],
  ['reached at a forwarded port', ['/ip4/44.0.0.1/tcp/5900'], ['44.0.0.1'], true, true],
])(
  'a host %s: %o seen at %o, public: %s, serves the DHT: %s',
  (_, given, seenAt, isPublic, serves) => {
    const addresses = given.map((address) => multiaddr(address))
    expect(shouldServeDht({ addresses, seenAt, isPublic })).toBe(serves)
  },
)

import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, it } from 'vitest'
import { mayDialBack } from '../../../../host/reach/dial-back-rules.ts'

const ASKER = '12D3KooWA8EXV3KjBxEU5EnsPfneLx84vMWAtTBQBeyooN82KSuS'
const OTHER = '12D3KooWHYQwZnLRgDTPqFZSZWNkwkaCHLzpKwPUTkEz4kSTWyhj'
const FROM = '/ip4/44.0.0.2/tcp/55555'
const FROM_6 = '/ip6/2a0e:44::2/tcp/55555'

const allowed = (target: string, from = FROM, ownIps: readonly string[] = ['45.0.0.1']): boolean =>
  mayDialBack(multiaddr(target), multiaddr(from), ASKER, new Set(ownIps))

describe('what a host dials back', () => {
  it.each([
    ['/ip4/44.0.0.2/tcp/4801', FROM],
    ['/ip4/44.0.0.2/tcp/4802/ws', FROM],
    ['/ip4/44.0.0.2/tcp/443/ws', FROM],
    [`/ip4/44.0.0.2/tcp/4801/p2p/${ASKER}`, FROM],
    ['/ip6/2a0e:44::2/tcp/4801', FROM_6],
  ])('is the address that the question came from: %s', (target, from) => {
    expect(allowed(target, from)).toBe(true)
  })

  it.each([
    ['a third party', '/ip4/44.0.0.3/tcp/4801', FROM],
    ['a third party over the other IP version', '/ip6/2a0e:44::2/tcp/4801', FROM],
    ['another peer', `/ip4/44.0.0.2/tcp/4801/p2p/${OTHER}`, FROM],
    ['a peer behind a relay', `/ip4/44.0.0.2/tcp/4801/p2p/${OTHER}/p2p-circuit`, FROM],
    ['a name', '/dns4/node.example/tcp/4801', FROM],
    ['a name beside the address', '/ip4/44.0.0.2/tcp/4801/tls/sni/node.example/ws', FROM],
    ['a datagram', '/ip4/44.0.0.2/udp/4801/quic-v1', FROM],
    ['the mail server of the asker', '/ip4/44.0.0.2/tcp/25', FROM],
    ['the login of the asker', '/ip4/44.0.0.2/tcp/22', FROM],
    ['a private address of a private asker', '/ip4/10.0.0.2/tcp/4801', '/ip4/10.0.0.2/tcp/5'],
    ['loopback', '/ip4/127.0.0.1/tcp/4801', '/ip4/127.0.0.1/tcp/5'],
    ['a metadata service', '/ip4/169.254.169.254/tcp/80', '/ip4/169.254.169.254/tcp/5'],
    ['an asker behind a relay', '/ip4/44.0.0.2/tcp/4801', `${FROM}/p2p/${OTHER}/p2p-circuit`],
    ['the same machine', '/ip4/45.0.0.1/tcp/4801', '/ip4/45.0.0.1/tcp/5'],
  ])('is never %s', (_, target, from) => {
    expect(allowed(target, from)).toBe(false)
  })
})

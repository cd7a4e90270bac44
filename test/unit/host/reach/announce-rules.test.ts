import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, it } from 'vitest'
import { announceRules } from '../../../../host/reach/announce-rules.ts'

const SELF = '12D3KooWA8EXV3KjBxEU5EnsPfneLx84vMWAtTBQBeyooN82KSuS'
const OTHER = '12D3KooWHYQwZnLRgDTPqFZSZWNkwkaCHLzpKwPUTkEz4kSTWyhj'

describe('what the operator has announced', () => {
  it.each([
    '/ip4/44.0.0.2/tcp/4801',
    '/ip6/2a0e::1/tcp/4801/ws',
    '/dns4/node.example/tcp/443/tls/ws',
    '/dns6/node.example/tcp/4801',
    `/ip4/192.168.1.7/tcp/4801/p2p/${SELF}`,
  ])('takes %s', (text) => {
    const { typed } = announceRules([text], [], SELF)
    expect(typed.map(String)).toEqual([text.replace(`/p2p/${SELF}`, '')])
  })

  it.each([
    ['44.0.0.2:4801', 'should look like'],
    ['/ip4/44.0.0.2', 'needs a port'],
    ['/ip4/44.0.0.2/tcp/0', 'port 0'],
    ['/ip4/0.0.0.0/tcp/4801', 'unspecified'],
    ['/ip6/::/tcp/4801', 'unspecified'],
    ['/dnsaddr/node.example', 'has to begin with'],
    [`/ip4/44.0.0.2/tcp/4801/p2p/${OTHER}`, 'another peer'],
    [`/ip4/44.0.0.2/tcp/4801/p2p/${OTHER}/p2p-circuit`, 'another peer'],
  ])('refuses %s', (text, why) => {
    expect(() => announceRules([text], [], SELF)).toThrow(why)
  })

  it('refuses more than a reader accepts', () => {
    const many = Array.from({ length: 9 }, (_, index) => `/ip4/44.0.0.${index + 1}/tcp/4801`)
    expect(() => announceRules(many, [], SELF)).toThrow('at most 8')
  })

  it('hides the networks named, and no others', () => {
    const { allows } = announceRules([], ['10.0.0.0/8', 'fd00::/8', '44.0.0.9'], SELF)
    const allowed = (text: string): boolean => allows(multiaddr(text))
    expect(allowed('/ip4/10.1.2.3/tcp/1')).toBe(false)
    expect(allowed('/ip6/fd12::1/tcp/1')).toBe(false)
    expect(allowed('/ip4/44.0.0.9/tcp/1')).toBe(false)
    expect(allowed('/ip4/44.0.0.8/tcp/1')).toBe(true)
    expect(allowed('/dns4/node.example/tcp/1')).toBe(true)
  })

  it.each(['10.0.0.0/33', '10.0.0.0/', '10.0.0/8', 'lan', 'fe80::1%eth0/64', '10.0.0.0/8/8'])(
    'refuses %s for a network',
    (text) => {
      expect(() => announceRules([], [text], SELF)).toThrow('not a network')
    },
  )
})

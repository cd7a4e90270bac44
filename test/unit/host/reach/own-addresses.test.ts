import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, it } from 'vitest'
import { announceRules } from '../../../../host/reach/announce-rules.ts'
import { OwnAddresses } from '../../../../host/reach/own-addresses.ts'

const SELF = '12D3KooWA8EXV3KjBxEU5EnsPfneLx84vMWAtTBQBeyooN82KSuS'
const RELAY = '12D3KooWHYQwZnLRgDTPqFZSZWNkwkaCHLzpKwPUTkEz4kSTWyhj'

function addresses(init: {
  listening: readonly string[]
  mapped?: readonly string[]
  announce?: readonly string[]
  noAnnounce?: readonly string[]
}): OwnAddresses {
  const rules = announceRules(init.announce ?? [], init.noAnnounce ?? [], SELF)
  const own = new OwnAddresses(rules, SELF)
  own.attach({
    listening: () => init.listening.map((text) => multiaddr(text)),
    mapped: () => (init.mapped ?? []).map((text) => multiaddr(text)),
  })
  return own
}

const announced = (own: OwnAddresses, chosen: readonly string[] = []): string[] =>
  own
    .announced(chosen.map((text) => multiaddr(text)))
    .map((address) => address.toString().replace(`/p2p/${SELF}`, ''))

describe('the addresses of a host', () => {
  it('are announced with the public ones first, without waiting for confirmation', () => {
    const own = addresses({
      listening: [
        '/ip4/127.0.0.1/tcp/1',
        '/ip4/10.0.0.2/tcp/1',
        '/ip4/44.0.0.2/tcp/1',
        '/ip6/2a0e::1/tcp/1',
      ],
    })
    expect(announced(own)).toEqual([
      '/ip4/44.0.0.2/tcp/1',
      '/ip6/2a0e::1/tcp/1',
      '/ip4/10.0.0.2/tcp/1',
      '/ip4/127.0.0.1/tcp/1',
    ])
    expect(own.announced([])[0]?.toString()).toBe(`/ip4/44.0.0.2/tcp/1/p2p/${SELF}`)
  })

  it('include those that the operator announces, and those that a router maps once they are confirmed', () => {
    const own = addresses({
      listening: ['/ip4/192.168.1.2/tcp/1'],
      mapped: ['/ip4/44.0.0.3/tcp/9'],
      announce: ['/dns4/home.example/tcp/4801'],
    })
    expect(announced(own)).toEqual(['/dns4/home.example/tcp/4801', '/ip4/192.168.1.2/tcp/1'])
    expect(own.judge({ refuted: [], confirmed: ['/ip4/44.0.0.3/tcp/9'] })).toBe(true)
    expect(announced(own)).toContain('/ip4/44.0.0.3/tcp/9')
  })

  it('are withheld in hidden networks, however they were found', () => {
    const own = addresses({
      listening: ['/ip4/192.168.1.2/tcp/1', '/ip4/44.0.0.2/tcp/1'],
      noAnnounce: ['192.168.0.0/16', '45.0.0.0/8'],
    })
    expect(announced(own, ['/ip4/192.168.1.2/tcp/1', '/ip4/45.0.0.1/tcp/3'])).toEqual([
      '/ip4/44.0.0.2/tcp/1',
    ])
  })

  it('never include link-local and metadata addresses', () => {
    const own = addresses({ listening: ['/ip6/fe80::1/tcp/1', '/ip4/169.254.169.254/tcp/1'] })
    expect(announced(own, ['/ip6/fe80::1/tcp/1'])).toEqual([])
  })

  it('are withheld once refuted, and announced again once not', () => {
    const own = addresses({ listening: ['/ip4/44.0.0.2/tcp/1', '/ip4/10.0.0.2/tcp/1'] })
    const refuted = ['/ip4/44.0.0.2/tcp/1']
    expect(own.judge({ refuted, confirmed: [] })).toBe(true)
    expect(own.judge({ refuted, confirmed: [] })).toBe(false)
    expect(announced(own, ['/ip4/44.0.0.2/tcp/1'])).toEqual(['/ip4/10.0.0.2/tcp/1'])
    expect(own.judge({ refuted: [], confirmed: [] })).toBe(true)
    expect(announced(own)).toContain('/ip4/44.0.0.2/tcp/1')
  })

  it('through a relay come after direct public ones and before the LAN', () => {
    const circuit = `/ip4/44.0.0.1/tcp/1/p2p/${RELAY}/p2p-circuit`
    const own = addresses({
      listening: [circuit, '/ip4/10.0.0.2/tcp/1', '/ip4/44.0.0.2/tcp/1'],
    })
    expect(announced(own)).toEqual(['/ip4/44.0.0.2/tcp/1', circuit, '/ip4/10.0.0.2/tcp/1'])
    expect(own.all().find(({ source }) => source === 'relay')?.address).toBe(circuit)
  })

  it.each([
    ['a public IPv4 address', ['/ip4/44.0.0.2/tcp/1'], [], [4]],
    ['IPv6 that was not confirmed', ['/ip4/10.0.0.2/tcp/1', '/ip6/2a0e::1/tcp/1'], [], []],
    ['confirmed IPv6', ['/ip6/2a0e::1/tcp/1'], ['/ip6/2a0e::1/tcp/1'], [6]],
    ['an address in the LAN', ['/ip4/192.168.1.2/tcp/1', '/ip4/127.0.0.1/tcp/1'], [], []],
    ['a relay', [`/ip4/44.0.0.1/tcp/1/p2p/${RELAY}/p2p-circuit`], [], []],
  ])(
    'with %s can be dialled over the right versions of IP',
    (_, listening, confirmed, versions) => {
      const own = addresses({ listening })
      own.judge({ refuted: [], confirmed })
      expect([...own.openVersions()]).toEqual(versions)
      own.judge({ refuted: listening, confirmed: [] })
      expect(own.openVersions().size).toBe(0)
    },
  )

  it('can be dialled where the operator says so, over the version of the name', () => {
    const announce = ['/dns6/home.example/tcp/1', '/dns4/home.example/tcp/1']
    expect([...addresses({ listening: [], announce }).openVersions()]).toEqual([6, 4])
    const [six = ''] = announce
    expect([...addresses({ listening: [], announce: [six] }).openVersions()]).toEqual([6])
  })
})

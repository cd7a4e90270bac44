import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, it } from 'vitest'
import { independentPeers, otherPeers } from '../../../../../client/peers/route/diversity.ts'
import { independentScorers } from '../../../../../client/peers/route/networks.ts'
import { isSaturated } from '../../../../../client/peers/route/saturation.ts'
import type { RouteCandidate } from '../../../../../client/request/candidate.ts'
import { subnetsOf } from '../../../../../host/index.ts'
import type { Load } from '../../../../../protocol/index.ts'
import { READY } from '../../../../../testing/swarms/client-peers.ts'

const peer = (key: string, operator: string, ...addresses: string[]): RouteCandidate => ({
  key,
  advertisement: {
    addresses: addresses.map((address) => multiaddr(address)),
    operator,
    decodeRate: 0,
    prefillRate: 0,
    slots: 1,
  },
  model: { id: 'm', contextLength: 0, templateHash: '' },
})
const keysOf = (peers: readonly RouteCandidate[]): string[] => peers.map(({ key }) => key)

describe('subnetsOf', () => {
  const cases: readonly [name: string, address: string, subnets: string[]][] = [
    ['the /24 of an IPv4 address', '/ip4/8.8.4.200/tcp/1', ['8.8.4']],
    ['the /48 of an IPv6 address', '/ip6/2a00:0db8:0001:2::1/tcp/1', ['2a00:db8:1']],
    ['the zeros of a short one', '/ip6/2a00::1/tcp/1', ['2a00:0:0']],
    ['nothing of the LAN', '/ip4/192.168.1.2/tcp/1', []],
    ['nothing of a unique local address', '/ip6/fd12:3456:789a::1/tcp/1', []],
    ['nothing of loopback', '/ip4/127.0.0.1/tcp/1', []],
    ['nothing of loopback in IPv6', '/ip6/::1/tcp/1', []],
    ['nothing of a name', '/dns4/example.com/tcp/1', []],
    [
      'nothing of the relay before it',
      '/ip4/8.8.4.4/tcp/1/p2p/12D3KooWEcpwDuY6oVrX861ug9zdsnGPW2BaGvx6TU8e1crxCkqV/p2p-circuit',
      [],
    ],
  ]
  it.each(cases)('takes %s', (_, address, subnets) => {
    expect([...subnetsOf([multiaddr(address)])]).toEqual(subnets)
  })
})

describe('independentPeers', () => {
  const taken = peer('taken', 'ann', '/ip4/8.8.4.4/tcp/1', '/ip6/2a00:1:2::1/tcp/1')

  it('prefers other operators and networks', () => {
    const candidates = [
      peer('same operator', 'ann', '/ip4/9.9.9.9/tcp/1'),
      peer('same /24', 'bob', '/ip4/8.8.4.5/tcp/1'),
      peer('same /48', 'bob', '/ip4/9.9.9.9/tcp/1', '/ip6/2a00:1:2:3::1/tcp/1'),
      peer('other', 'bob', '/ip4/9.9.9.9/tcp/1'),
      peer('unknown', ''),
    ]
    expect(keysOf(independentPeers(candidates, [taken]))).toEqual(['other', 'unknown'])
  })

  it('counts two peers without operator tags as independent', () => {
    const candidates = [peer('a', ''), peer('b', 'bob')]
    expect(independentPeers(candidates, [peer('c', '')])).toEqual(candidates)
  })

  it('does not merge peers by an empty operator tag or by the LAN', () => {
    const near = [peer('a', '', '/ip4/10.0.0.1/tcp/1'), peer('b', '', '/ip4/10.0.0.2/tcp/1')]
    expect(keysOf(independentPeers(near, [peer('c', '', '/ip4/10.0.0.3/tcp/1')]))).toEqual([
      'a',
      'b',
    ])
  })

  it('falls back to any other peer, and finally to the same one', () => {
    const sameOperator = peer('same operator', 'ann')
    expect(independentPeers([sameOperator], [taken])).toEqual([sameOperator])
    expect(otherPeers([taken, sameOperator], [taken])).toEqual([sameOperator])
    expect(otherPeers([taken], [taken])).toEqual([taken])
    expect(otherPeers([taken], [])).toEqual([taken])
  })
})

describe('independentScorers', () => {
  const RELAY =
    '/ip4/9.1.1.1/tcp/1/p2p/12D3KooWEcpwDuY6oVrX861ug9zdsnGPW2BaGvx6TU8e1crxCkqV/p2p-circuit'
  const accused = peer('accused', '', '/ip4/8.8.4.4/tcp/1')
  const neighbour = peer('neighbour', '', '/ip4/10.0.0.1/tcp/1')
  const voices = (
    candidates: readonly RouteCandidate[],
    of: RouteCandidate,
    ...heard: RouteCandidate[]
  ): string[] => keysOf(independentScorers(candidates, of, heard))

  it('excludes the networks of the accused and of peers already heard, without a substitute', () => {
    const heard = peer('heard', 'ann', '/ip4/9.9.9.1/tcp/1')
    const same = [
      peer('with the accused', '', '/ip4/8.8.4.5/tcp/1'),
      peer('with the heard', '', '/ip4/9.9.9.2/tcp/1'),
      peer('of its operator', 'ann', '/ip4/7.7.7.7/tcp/1'),
    ]
    expect(voices(same, accused, heard)).toEqual([])
    expect(voices([...same, peer('other', 'bob', '/ip4/6.6.6.6/tcp/1')], accused, heard)).toEqual([
      'other',
    ])
  })

  it('gives one vote to relayed, named and private peers about a peer elsewhere', () => {
    const hidden = [
      peer('relayed', '', RELAY),
      peer('named', '', '/dns4/example.com/tcp/1'),
      peer('private', '', '/ip4/10.0.0.2/tcp/1'),
    ]
    expect(voices(hidden, accused)).toHaveLength(3)
    for (const heard of hidden) expect(voices(hidden, accused, heard)).toEqual([])
  })

  it('gives each neighbour a vote about a neighbour, but relayed peers only one', () => {
    const near = [peer('a', '', '/ip4/10.0.0.2/tcp/1'), peer('b', '', '/ip4/127.0.0.1/tcp/1')]
    const [a] = near
    if (a === undefined) throw new Error('no peer')
    expect(voices(near.slice(1), neighbour, a)).toEqual(['b'])
    expect(voices([peer('b', '', RELAY)], neighbour, peer('a', '', RELAY))).toEqual([])
  })

  it('excludes a peer that claims more networks than a peer can have', () => {
    const many = [1, 2, 3, 4, 5].map((n) => `/ip4/6.${n}.1.1/tcp/1`)
    expect(voices([peer('greedy', '', ...many)], accused)).toEqual([])
    expect(voices([peer('judge', '', '/ip4/6.1.1.2/tcp/1')], peer('greedy', '', ...many))).toEqual([
      'judge',
    ])
  })
})

describe('isSaturated', () => {
  const full: Load = { ...READY, inFlight: 4 }
  const queueing: Load = { ...READY, queueDepth: 1 }
  const many = (count: number, load?: Load): (Load | undefined)[] =>
    Array<Load | undefined>(count).fill(load)
  const cases: readonly [name: string, loads: (Load | undefined)[], saturated: boolean][] = [
    ['nothing is known', many(10), false],
    ['there is no candidate', [], false],
    ['all are full', many(10, full), true],
    ['all have a queue', many(10, queueing), true],
    ['all report it', many(10, { ...READY, state: 'saturated' }), true],
    ['one of ten has a free slot', [...many(9, full), READY], false],
    ['one of eleven has a free slot', [...many(10, full), READY], true],
    ['half of them are known', [...many(5, full), ...many(5)], true],
    ['less than half of them are known', [...many(4, full), ...many(5)], false],
  ]
  it.each(cases)('decides for a network in which %s', (_, loads, saturated) => {
    expect(isSaturated(loads)).toBe(saturated)
  })
})

import type { Connection } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { expect, it } from 'vitest'
import { IpVersions } from '../../../../host/network/ip-versions.ts'

const FOUR = multiaddr('/ip4/44.0.0.1/tcp/4801')
const SIX = multiaddr('/ip6/2a0e:44::1/tcp/4801')
const RELAYED = multiaddr(
  `${SIX}/p2p/12D3KooWQXhMNfMNd5m4YzYRVGS8oVhmrNnLqGJZBXDzVxXdFTVA/p2p-circuit`,
)
const NAMED = multiaddr('/dns4/node.example/tcp/4801')

function versions(own: readonly string[], connected: readonly (typeof FOUR)[] = []) {
  const clock = { nowMs: 0 }
  const all = new IpVersions({ now: () => clock.nowMs, addresses: () => own })
  const connections = connected.map((remoteAddr) => ({ remoteAddr, status: 'open' }) as Connection)
  all.attach({ getConnections: () => connections })
  return { all, clock }
}

const BOTH = ['44.1.0.1', '2a0e:45::1']

it('a version has to prove itself where the machine has addresses of both', () => {
  const { all } = versions(BOTH, [FOUR])
  expect(all.connectTimeoutMs(FOUR)).toBeUndefined()
  expect(all.connectTimeoutMs(SIX)).toBeLessThan(5_000)
  expect(all.connectTimeoutMs(NAMED)).toBeUndefined()
})

it.each([[['44.1.0.1']], [['2a0e:45::1']], [['44.1.0.1', 'fd7a:115c:a1e0::1']], [[]]])(
  'with %j there is no other to try',
  (own) => {
    const { all } = versions(own)
    expect([FOUR, SIX].map((address) => all.connectTimeoutMs(address))).toEqual([
      undefined,
      undefined,
    ])
  },
)

it('a connection through a relay proves nothing of its version', () => {
  expect(versions(BOTH, [RELAYED]).all.connectTimeoutMs(SIX)).toBeDefined()
})

it('one that did not get through goes last for a minute, relays that are reached over it included', () => {
  const { all, clock } = versions(BOTH, [FOUR])
  all.suspect(SIX, 1_200)
  expect([FOUR, SIX, RELAYED, NAMED].map(all.isSuspect)).toEqual([false, true, true, false])
  clock.nowMs = 61_000
  expect(all.isSuspect(SIX)).toBe(false)
})

it('is no suspect while a peer is connected over it', () => {
  const { all } = versions(BOTH, [SIX])
  all.suspect(SIX, 1_200)
  expect(all.isSuspect(SIX)).toBe(false)
})

it('the bound doubles with each failure, so that a slow path is found', () => {
  const { all, clock } = versions(BOTH)
  const bounds: (number | undefined)[] = []
  for (let bound = all.connectTimeoutMs(FOUR); bound; bound = all.connectTimeoutMs(FOUR)) {
    bounds.push(bound)
    // Dials that waited at the same time count once.
    for (let dial = 0; dial < 3; dial += 1) all.suspect(FOUR, bound)
    clock.nowMs += 90_000
  }
  expect(bounds).toEqual([1_200, 2_400, 4_800])
  expect(all.connectTimeoutMs(SIX)).toBe(1_200)
})

it('the bound is short again after a minute where the other version gets through', () => {
  const { all, clock } = versions(BOTH, [FOUR])
  all.suspect(SIX, 1_200)
  expect(all.connectTimeoutMs(SIX)).toBe(2_400)
  clock.nowMs = 61_000
  expect(all.connectTimeoutMs(SIX)).toBe(1_200)
})

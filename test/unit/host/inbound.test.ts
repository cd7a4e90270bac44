import type { MultiaddrConnection } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, it } from 'vitest'
import { connectionBounds } from '../../../host/inbound/bounds.ts'
import { type ConnectionUse, leastUseful } from '../../../host/inbound/least-useful.ts'
import { originOf } from '../../../host/inbound/origin.ts'
import { PendingConnections } from '../../../host/inbound/pending.ts'
import { vouchedBy } from '../../../host/neighbours.ts'

const BOUNDS = { open: 100, openPerNetwork: 75, openPerAddress: 50 }

class FakeConnection extends EventTarget {
  readonly remoteAddr: ReturnType<typeof multiaddr>
  isAborted = false

  constructor(ip: string) {
    super()
    this.remoteAddr = multiaddr(`/ip4/${ip}/tcp/1`)
  }

  abort(): void {
    this.isAborted = true
    this.dispatchEvent(new Event('close'))
  }
}

function setting(bounds = { pending: 40, pendingPerAddress: 10 }) {
  const clock = { nowMs: 0 }
  const pending = new PendingConnections(bounds, () => clock.nowMs)
  const connect = (ip: string) => {
    const connection = new FakeConnection(ip)
    const isIn = pending.admit(connection as unknown as MultiaddrConnection)
    return { connection, isIn, settle: () => pending.settle(connection as never) }
  }
  return { clock, pending, connect }
}

describe('connections that never speak', () => {
  it('of one address displace only one another', () => {
    const { clock, pending, connect } = setting()
    const silent = Array.from({ length: 200 }, () => connect('10.0.0.1'))
    expect(silent.filter(({ isIn }) => isIn)).toHaveLength(10)
    expect(connect('10.0.0.2').isIn).toBe(true)
    clock.nowMs = 2_000
    expect(connect('10.0.0.1').isIn).toBe(true)
    expect(silent[0]?.connection.isAborted).toBe(true)
    expect(pending.size).toBe(11)
  })

  it('of many addresses give way to a newcomer of another network', () => {
    const { clock, pending, connect } = setting()
    const silent = Array.from({ length: 40 }, (_, n) => connect(`10.0.0.${n}`))
    expect(connect('10.9.9.9').isIn).toBe(false)
    clock.nowMs = 2_000
    expect(connect('10.9.9.9').isIn).toBe(true)
    expect(silent.filter(({ connection }) => connection.isAborted)).toHaveLength(1)
    expect(pending.size).toBe(40)
  })

  it('do not count once their handshake is complete or they are closed', () => {
    const { pending, connect } = setting()
    const [first, second] = [connect('10.0.0.1'), connect('10.0.0.1')]
    first.settle()
    second.connection.abort()
    expect(pending.size).toBe(0)
  })
})

describe('too many open connections', () => {
  const standing = (ip: string, more: Partial<ConnectionUse> = {}): ConnectionUse => ({
    origin: originOf(multiaddr(`/ip4/${ip}/tcp/1`)),
    isInbound: true,
    isBusy: false,
    openedAtMs: 0,
    usedAtMs: undefined,
    ...more,
  })
  const idle = (ip: string, count: number, more: Partial<ConnectionUse> = {}): ConnectionUse[] =>
    Array.from({ length: count }, (_, n) => standing(ip, { openedAtMs: n, ...more }))
  const now = 100_000

  it('lose no connection while every bound holds', () => {
    expect(leastUseful(idle('10.0.0.1', 50), BOUNDS, now)).toEqual([])
  })

  it.each([
    ['an address', [...idle('10.0.0.1', 51), ...idle('10.7.0.1', 20)]],
    ['a network', [...idle('10.0.0.1', 40), ...idle('10.0.0.2', 41)]],
    ['the host', [...idle('10.0.0.1', 45), ...idle('10.8.0.2', 40), ...idle('10.9.0.1', 16)]],
  ])('of %s lose one of the heaviest', (_, connections) => {
    const [victim] = leastUseful(connections, BOUNDS, now)
    expect(victim?.origin.network).toBe('10.0.0')
  })

  it('lose one that was never used before one that was, a newcomer last', () => {
    const used = standing('10.0.0.1', { usedAtMs: 5 })
    const fresh = standing('10.0.0.1', { openedAtMs: now - 10 })
    const crowd = [fresh, used, ...idle('10.0.0.1', 60, { openedAtMs: 50 })]
    const order = leastUseful(crowd, BOUNDS, now)
    expect(order.at(-1)).toBe(fresh)
    expect(order.at(-2)).toBe(used)
  })

  it('never lose a busy one, nor one that this host opened', () => {
    const crowd = [
      ...idle('10.0.0.1', 60, { isBusy: true }),
      ...idle('10.0.0.2', 60, { isInbound: false }),
    ]
    expect(leastUseful(crowd, BOUNDS, now)).toEqual([])
  })
})

describe('bounds on connections', () => {
  it('follow the limit on file descriptors, and leave some free', () => {
    for (const descriptors of [32, 128, 1_024, 20_000, Number.POSITIVE_INFINITY]) {
      const { open, pending, pendingPerAddress } = connectionBounds(descriptors)
      expect(open).toBeLessThanOrEqual(1_000)
      expect(open).toBeGreaterThan(8)
      expect(pendingPerAddress).toBeLessThan(pending)
      if (descriptors >= 128) expect(open + pending).toBeLessThanOrEqual(descriptors - 64)
    }
  })
})

describe('a neighbour on the LAN', () => {
  const addresses = ['/ip4/192.168.1.5/tcp/1', '/ip4/192.168.1.1/tcp/80', '/ip4/127.0.0.1/tcp/1']
  const vouched = (sender: string, more: string[] = []) =>
    vouchedBy(
      sender,
      [...addresses, ...more].map((text) => multiaddr(text)),
    ).map(String)

  it('vouches for its own address only', () => {
    expect(vouched('192.168.1.5')).toEqual(['/ip4/192.168.1.5/tcp/1'])
    expect(vouched('')).toEqual([])
    expect(vouched('192.168.1.9')).toEqual([])
  })

  it('allows no forbidden scope, nor a relay through itself', () => {
    expect(vouched('169.254.169.254', ['/ip4/169.254.169.254/tcp/80'])).toEqual([])
    const through = '/ip4/192.168.1.5/ip4/10.0.0.1/tcp/1'
    expect(vouchedBy('192.168.1.5', [multiaddr(through)])).toEqual([])
  })
})

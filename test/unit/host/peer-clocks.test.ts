import { multiaddr } from '@multiformats/multiaddr'
import { beforeAll, describe, expect, it } from 'vitest'
import { PeerClocks } from '../../../host/peer-clocks.ts'
import { createSigner, type Signer } from './advertisement-maker.ts'

const MINUTE = 60_000
const LAN = [multiaddr('/ip4/192.168.1.7/tcp/4801')]

describe('PeerClocks', () => {
  let peers: Signer[]
  beforeAll(async () => {
    peers = await Promise.all(Array.from({ length: 6 }, createSigner))
  })
  const open = (aheadMs = 0) => {
    const time = { now: 0, wall: 1_800_000_000_000 + aheadMs }
    const clocks = new PeerClocks({ now: () => time.now, wall: () => time.wall })
    /** The peer told its time, so many milliseconds ahead of the true one. */
    const hear = (index: number, ms: number, addresses = LAN): void =>
      clocks.heard(peer(index).peerId, 1_800_000_000_000 + ms, time.wall, addresses)
    return { clocks, hear, time }
  }
  const peer = (index: number): Signer => peers[index] as Signer

  it('calls this machine off if most peers agree with one another and not with it', () => {
    const { clocks, hear } = open(15 * MINUTE)
    for (const index of [0, 1, 2]) hear(index, index * 500)
    hear(3, -40 * MINUTE)
    const report = clocks.report()
    expect(report).toMatchObject({ own: 'off', peers: 4, agreeing: 3 })
    expect(Math.round(report.aheadMs / MINUTE)).toBe(15)
    expect(report.off).toMatchObject([{ peerId: peer(3).peerId.toString() }])
    expect(Math.round((clocks.timeOfMajority() ?? 0) / MINUTE)).toBe(1_800_000_000_000 / MINUTE)
  })

  it('calls a peer off that differs from this machine and from the others', () => {
    const { clocks, hear } = open()
    hear(0, 0)
    hear(1, 200_000)
    expect(clocks.report()).toMatchObject({
      own: 'right',
      off: [{ peerId: peer(1).peerId.toString(), aheadMs: 200_000 }],
    })
    expect(clocks.timeOfMajority()).toBeUndefined()
  })

  it('does not decide between this machine and a single peer', () => {
    const { clocks, hear } = open()
    hear(0, -2 * 60 * MINUTE)
    expect(clocks.report()).toMatchObject({ own: 'unclear', peers: 1, off: [] })
    expect(clocks.timeOfMajority()).toBeUndefined()
  })

  it('counts peers of one public network once, however many they are', () => {
    const { clocks, hear } = open()
    const sybils = [multiaddr('/ip4/45.1.2.7/tcp/4801')]
    for (const index of [0, 1, 2, 3]) hear(index, 60 * MINUTE, sybils)
    hear(4, 0, [multiaddr('/ip4/46.1.2.3/tcp/4801')])
    hear(5, 0, [multiaddr('/ip4/47.1.2.3/tcp/4801')])
    expect(clocks.report()).toMatchObject({ own: 'right', peers: 3, agreeing: 2 })
  })

  it('counts all peers without a direct connection once', () => {
    const { clocks, hear } = open()
    const relayed = (at: number) => [multiaddr(`/ip4/45.1.${at}.7/tcp/4801/p2p-circuit`)]
    for (const index of [0, 1, 2]) hear(index, 60 * MINUTE, relayed(index))
    hear(3, 60 * MINUTE, [])
    hear(4, 0, [multiaddr('/ip4/46.1.2.3/tcp/4801')])
    hear(5, 0, [multiaddr('/ip4/47.1.2.3/tcp/4801')])
    expect(clocks.report()).toMatchObject({ own: 'right', peers: 3, agreeing: 2 })
  })

  it('forgets readings, and takes none from an exchange that took long', () => {
    const { clocks, hear, time } = open()
    hear(0, 0)
    hear(1, 0)
    clocks.heard(peer(2).peerId, 1, time.wall - 20_000, LAN)
    expect(clocks.report()).toMatchObject({ own: 'right', peers: 2 })
    time.now += 31 * MINUTE
    expect(clocks.report()).toMatchObject({ own: 'unknown', peers: 0 })
    expect(clocks.timeOf(peer(0).peerId)).toBeUndefined()
  })

  it('drops what it read before this machine’s clock was set', () => {
    const { clocks, hear, time } = open(-24 * 60 * MINUTE)
    hear(0, 0)
    hear(1, 0)
    expect(clocks.report()).toMatchObject({ own: 'off' })
    time.now += MINUTE
    time.wall += MINUTE
    expect(clocks.report()).toMatchObject({ own: 'off' })
    time.wall += 24 * 60 * MINUTE
    expect(clocks.report()).toMatchObject({ own: 'unknown' })
    expect(clocks.isStale(peer(0).peerId)).toBe(true)
    hear(0, MINUTE)
    hear(1, MINUTE)
    expect(clocks.report()).toMatchObject({ own: 'right', agreeing: 2 })
    expect(clocks.isStale(peer(0).peerId)).toBe(false)
  })

  it('does not follow a peer that claims an impossible time', () => {
    const { clocks, hear } = open()
    hear(0, 400 * 24 * 60 * MINUTE)
    expect(clocks.timeOf(peer(0).peerId)).toBeUndefined()
  })
})

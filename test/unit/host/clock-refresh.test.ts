import type { PeerId } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { expect, it } from 'vitest'
import { refreshClocks } from '../../../host/clock-refresh.ts'
import { PeerClocks } from '../../../host/peer-clocks.ts'
import { VirtualClock } from '../../../testing/index.ts'
import { createSigner } from './advertisement-maker.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const LAN = [multiaddr('/ip4/192.168.1.7/tcp/4801')]

/** A machine whose clock is set from outside, connected to peers whose clocks are right. */
async function machine(count: number, { mute = false } = {}) {
  const virtual = new VirtualClock({ wallMs: 1_800_000_000_000 })
  let aheadMs = 0
  const clock = {
    ...virtual,
    now: virtual.now,
    after: virtual.after,
    wall: () => virtual.wall() + aheadMs,
  }
  const clocks = new PeerClocks({ now: clock.now, wall: clock.wall })
  const signers = await Promise.all(Array.from({ length: count }, createSigner))
  const peers: readonly PeerId[] = signers.map(({ peerId }) => peerId)
  const asked: string[] = []
  const stop = new AbortController()
  refreshClocks({
    ...{ clocks, clock, peers: () => peers, signal: stop.signal },
    ask: async (peer) => {
      asked.push(peer.toString())
      if (!mute) clocks.heard(peer, virtual.wall(), clock.wall(), LAN)
    },
  })
  return {
    ...{ asked, clocks, peers, stop },
    set: (ms: number) => {
      aheadMs = ms
    },
    pass: (ms: number) => virtual.advance(ms),
  }
}

it('keeps the readings of connected peers for as long as they are connected', async () => {
  const { clocks, pass, asked, peers } = await machine(3)
  await pass(MINUTE)
  expect(asked).toHaveLength(3)
  for (let hours = 0; hours < 3; hours += 1) {
    await pass(HOUR)
    expect(clocks.report().own).toBe('right')
  }
  // Four times an hour each, however often it looks.
  expect(asked.length).toBeLessThanOrEqual(peers.length * 13)
})

it('compares again within a round once this machine’s clock was set, to and fro', async () => {
  const { clocks, pass, set } = await machine(3)
  await pass(MINUTE)
  set(-24 * HOUR)
  expect(clocks.report().own).toBe('unknown')
  await pass(16_000)
  expect(clocks.report()).toMatchObject({ own: 'off', aheadMs: -24 * HOUR })
  set(0)
  await pass(16_000)
  expect(clocks.report().own).toBe('right')
})

it('asks a bounded number of peers in a round, and one that tells no time rarely', async () => {
  const { asked, pass, stop } = await machine(20, { mute: true })
  await pass(15_000)
  expect(asked).toHaveLength(8)
  await pass(30_000)
  expect(new Set(asked).size).toBe(20)
  const before = asked.length
  await pass(HOUR)
  expect(asked.length - before).toBeLessThanOrEqual(20 * 13)
  stop.abort()
  const last = asked.length
  await pass(HOUR)
  expect(asked).toHaveLength(last)
})

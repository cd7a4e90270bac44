import { describe, expect, it } from 'vitest'
import { ByteMeter } from '../../../../host/relay/byte-meter.ts'

const RATE = 1_600
const INIT = { bytesPerSecond: RATE, peerBurstBytes: 10_000, peerShare: 1 / 16, networkShares: 4 }

/** Reads as fast as it may for so long. @returns bytes moved */
function read(meter: ByteMeter, peer: string, fromMs: number, forMs: number): number {
  let bytes = 0
  for (let at = fromMs; at < fromMs + forMs; ) {
    bytes += 100
    at += Math.max(1, meter.take(peer, undefined, 100, at))
  }
  return bytes
}

describe('a byte meter', () => {
  it('limits a greedy peer to the total while its burst lasts, and to its share afterwards', () => {
    const meter = new ByteMeter(INIT, 0)
    const first = read(meter, 'greedy', 0, 5_000)
    expect(first).toBeGreaterThan(4 * RATE)
    expect(first).toBeLessThanOrEqual(7 * RATE)
    read(meter, 'greedy', 5_000, 60_000)
    const later = read(meter, 'greedy', 65_000, 100_000)
    expect(later / 100).toBeGreaterThan(90)
    expect(later / 100).toBeLessThan(110)
  })

  it('limits all peers together to the total', () => {
    const meter = new ByteMeter(INIT, 0)
    const peers = Array.from({ length: 8 }, (_, index) => ({ peer: `p${index}`, nextMs: 0 }))
    let bytes = 0
    for (let at = 0; at < 5_000; at += 1) {
      for (const peer of peers) {
        if (peer.nextMs > at) continue
        bytes += 100
        peer.nextMs = at + Math.max(1, meter.take(peer.peer, undefined, 100, at))
      }
    }
    expect(bytes).toBeLessThanOrEqual(8 * RATE)
  })

  it('does not delay a peer within its share while others use all they can get', () => {
    const meter = new ByteMeter(INIT, 0)
    const greedy = Array.from({ length: 8 }, (_, index) => ({ peer: `g${index}`, nextMs: 0 }))
    let waitedMs = 0
    for (let at = 0; at < 4_000; at += 1) {
      for (const peer of greedy) {
        if (peer.nextMs > at) continue
        peer.nextMs = at + Math.max(1, meter.take(peer.peer, undefined, 100, at))
      }
      if (at % 100 === 0) waitedMs += meter.take('answer', undefined, 8, at)
    }
    expect(waitedMs).toBe(0)
  })

  it('refills as time passes', () => {
    const meter = new ByteMeter(INIT, 0)
    expect(meter.take('peer', undefined, 20_000, 0)).toBeGreaterThan(0)
    expect(meter.take('peer', undefined, 1, 1_000_000)).toBe(0)
  })

  it('slows the identities of one network to what the network has, and not a peer of another one', () => {
    const meter = new ByteMeter(INIT, 0)
    let bytes = 0
    let waitedMs = 0
    const nextMs = new Map<string, number>()
    for (let at = 0; at < 120_000; at += 1) {
      // A new identity each second, so that none uses up its own burst.
      for (let index = 0; index < 4; index += 1) {
        const peer = `${Math.floor(at / 1_000)}-${index}`
        if ((nextMs.get(peer) ?? 0) > at) continue
        if (at >= 60_000) bytes += 100
        nextMs.set(peer, at + Math.max(1, meter.take(peer, '44.0.0', 100, at)))
      }
      if (at >= 60_000 && at % 100 === 0) waitedMs += meter.take('answer', '45.0.0', 8, at)
    }
    expect(bytes / 60).toBeLessThan(RATE * 0.6)
    expect(waitedMs).toBe(0)
  })
})

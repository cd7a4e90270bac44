import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ClockWatch } from '../../../../../client/peers/route/clock-watch.ts'
import { Health } from '../../../../../client/peers/route/health.ts'
import { ERROR_TABLE, type ErrorCode } from '../../../../../protocol/index.ts'

const CODES = Object.keys(ERROR_TABLE) as ErrorCode[]

/** Health that knows this many peers: p0, p1 … */
function healthOf(peers: number): Health {
  const health = new Health()
  for (let i = 0; i < peers; i += 1) health.conditionOf(`p${i}`, 0)
  return health
}

const fail = (health: Health, peer: string, atMs: number, code: ErrorCode = 'malformed'): void =>
  health.failed(peer, code, false, atMs)

describe('suspicion', () => {
  it('lasts longer with each failure in a row, is bounded, and ends with an answer', () => {
    const health = healthOf(2)
    const until = (failedAtMs: number, ms: number): void => {
      expect(health.conditionOf('p0', failedAtMs + ms - 1).suspect).toBe(true)
      expect(health.conditionOf('p0', failedAtMs + ms).suspect).toBe(false)
    }
    fail(health, 'p0', 0)
    until(0, 5_000)
    fail(health, 'p0', 5_000)
    until(5_000, 10_000)
    for (let i = 0; i < 50; i += 1) fail(health, 'p0', 20_000)
    until(20_000, 300_000)
    fail(health, 'p0', 400_000)
    health.answered('p0', 400_001)
    expect(health.conditionOf('p0', 400_001).suspect).toBe(false)
  })

  it('never follows an error that blames no peer or the caller', () => {
    for (const code of CODES) {
      const health = healthOf(2)
      for (let i = 0; i < 20; i += 1) fail(health, 'p0', 0, code)
      const { suspect, ejected, reliability } = health.conditionOf('p0', 0)
      const blamed = ERROR_TABLE[code].blame === 'peer'
      expect([code, suspect, ejected, reliability < 1]).toEqual([code, blamed, blamed, blamed])
    }
  })

  it('follows a lost path for a moment, and counts it from the third in a row on', () => {
    const health = healthOf(2)
    const lose = (atMs: number): void => health.pathLost('p0', false, atMs)
    lose(0)
    lose(1_000)
    expect(health.conditionOf('p0', 1_000)).toMatchObject({ suspect: true, reliability: 1 })
    expect(health.conditionOf('p0', 6_000)).toMatchObject({ suspect: false, reliability: 1 })
    health.answered('p0', 6_000)
    lose(7_000)
    lose(8_000)
    expect(health.conditionOf('p0', 8_000).reliability).toBe(1)
    lose(9_000)
    expect(health.conditionOf('p0', 9_000).reliability).toBeLessThan(1)
  })

  it('follows a lost connection for a moment, without counting it as a failure', () => {
    const health = healthOf(2)
    health.connected('p0', false, false, 1_000)
    expect(health.conditionOf('p0', 5_999)).toMatchObject({ suspect: true, reliability: 1 })
    expect(health.conditionOf('p0', 6_000)).toMatchObject({ suspect: false, warmth: 0.1 })
    health.connected('stranger', false, false, 1_000)
    expect(health.conditionOf('stranger', 1_000).suspect).toBe(false)
  })
})

describe('ejection', () => {
  const ejectedUntil = (health: Health, fromMs: number): number => {
    let atMs = fromMs
    while (health.conditionOf('p0', atMs).ejected) atMs += 1_000
    return atMs
  }

  it('follows five failures in a row, lasts longer each time, and never beyond five minutes', () => {
    const health = healthOf(4)
    for (let i = 0; i < 4; i += 1) fail(health, 'p0', 0)
    expect(health.conditionOf('p0', 0).ejected).toBe(false)
    fail(health, 'p0', 0)
    expect(ejectedUntil(health, 0)).toBe(30_000)
    for (let i = 0; i < 5; i += 1) fail(health, 'p0', 30_000)
    expect(ejectedUntil(health, 30_000)).toBe(90_000)
    for (let i = 0; i < 100; i += 1) fail(health, 'p0', 90_000)
    expect(ejectedUntil(health, 90_000)).toBe(390_000)
  })

  it('is interrupted by an answer, and an answer reduces the count by one', () => {
    const health = healthOf(4)
    for (let i = 0; i < 4; i += 1) fail(health, 'p0', 0)
    health.answered('p0', 0)
    fail(health, 'p0', 0)
    expect(health.conditionOf('p0', 0).ejected).toBe(false)
    for (let i = 0; i < 4; i += 1) fail(health, 'p0', 0)
    expect(health.conditionOf('p0', 0).ejected).toBe(true)
    health.answered('p0', 0)
    expect(health.conditionOf('p0', 0).ejected).toBe(false)
    for (let i = 0; i < 5; i += 1) fail(health, 'p0', 0)
    expect(ejectedUntil(health, 0)).toBe(30_000)
  })

  it('never covers more than half of the known peers, and waives the oldest first', () => {
    const outcomes = fc.array(
      fc.record({ peer: fc.integer({ min: 0, max: 9 }), code: fc.constantFrom(...CODES) }),
      { maxLength: 200 },
    )
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10 }), outcomes, (count, given) => {
        const health = healthOf(count)
        for (const { peer, code } of given) fail(health, `p${peer % count}`, 0, code)
        const ejected = Array.from({ length: count }, (_, i) => `p${i}`).filter(
          (peer) => health.conditionOf(peer, 0).ejected,
        )
        expect(ejected.length).toBeLessThanOrEqual(count / 2)
      }),
    )
    const health = healthOf(4)
    for (const peer of ['p0', 'p1', 'p2']) {
      for (let i = 0; i < 5; i += 1) fail(health, peer, 0)
    }
    const ejected = ['p0', 'p1', 'p2', 'p3'].map((peer) => health.conditionOf(peer, 0).ejected)
    expect(ejected).toEqual([false, true, true, false])
  })
})

describe('self-blame', () => {
  it('withdraws the verdicts when three peers fail at once, and passes none until one answers', () => {
    const health = healthOf(6)
    fail(health, 'p0', 0, 'dial_failed')
    fail(health, 'p1', 1_000, 'stalled')
    expect(health.conditionOf('p0', 1_000).suspect).toBe(true)
    fail(health, 'p2', 2_000, 'stream_reset')
    for (const peer of ['p0', 'p1', 'p2']) {
      expect(health.conditionOf(peer, 2_000)).toMatchObject({ suspect: false, reliability: 1 })
    }
    fail(health, 'p3', 3_000)
    expect(health.conditionOf('p3', 3_000).suspect).toBe(false)
    health.began('p4', 4_000)
    fail(health, 'p3', 4_000)
    expect(health.conditionOf('p3', 4_000).suspect).toBe(true)
  })

  it('withdraws ejections as well', () => {
    const health = healthOf(6)
    for (let i = 0; i < 5; i += 1) fail(health, 'p0', 0, 'dial_failed')
    expect(health.conditionOf('p0', 0).ejected).toBe(true)
    fail(health, 'p1', 0, 'dial_failed')
    fail(health, 'p2', 0, 'dial_failed')
    expect(health.conditionOf('p0', 0)).toMatchObject({ ejected: false, suspect: false })
  })

  const blamed: readonly [name: string, run: (health: Health) => void][] = [
    [
      'a peer answered in between',
      (health) => {
        fail(health, 'p0', 0, 'stalled')
        fail(health, 'p1', 0, 'stalled')
        health.began('p5', 0)
        fail(health, 'p2', 0, 'stalled')
      },
    ],
    [
      'the first is more than a minute ago',
      (health) => {
        fail(health, 'p0', -60_001, 'stalled')
        fail(health, 'p1', 0, 'stalled')
        fail(health, 'p2', 0, 'stalled')
      },
    ],
    [
      'they send malformed data, which no network fault causes',
      (health) => {
        for (const peer of ['p0', 'p1', 'p2']) fail(health, peer, 0, 'malformed')
      },
    ],
    [
      'the same peer fails repeatedly',
      (health) => {
        for (let i = 0; i < 3; i += 1) fail(health, 'p2', 0, 'dial_failed')
      },
    ],
  ]
  it.each(blamed)('does not apply when %s', (_, run) => {
    const health = healthOf(6)
    run(health)
    expect(health.conditionOf('p2', 0).suspect).toBe(true)
  })
})

describe('slow start', () => {
  it('raises a new peer from a tenth to its full share in thirty seconds', () => {
    const health = new Health()
    const warmths = [0, 1_000, 15_000, 30_000, 60_000].map(
      (atMs) => health.conditionOf('p', atMs).warmth,
    )
    expect(warmths).toEqual([0.1, 0.1, 0.5, 1, 1])
  })

  it('begins at once when a suspect peer answers', () => {
    const health = healthOf(2)
    for (let i = 0; i < 3; i += 1) fail(health, 'p0', 60_000)
    health.answered('p0', 61_000)
    expect(health.conditionOf('p0', 76_000).warmth).toBe(0.5)
  })

  it('starts again after suspicion, after a reconnect, and after ten minutes unseen', () => {
    const health = healthOf(4)
    fail(health, 'p0', 60_000)
    expect(health.conditionOf('p0', 65_000 + 15_000).warmth).toBe(0.5)
    health.conditionOf('p1', 60_000)
    health.connected('p1', false, false, 60_000)
    health.connected('p1', true, false, 70_000)
    expect(health.conditionOf('p1', 85_000).warmth).toBe(0.5)
    expect(health.conditionOf('p2', 700_000).warmth).toBe(0.1)
  })
})

describe('reliability', () => {
  it('is lower the more attempts failed lately, and recovers with answers and with time', () => {
    const health = healthOf(2)
    const now = (atMs: number): number => health.conditionOf('p0', atMs).reliability
    for (let i = 0; i < 5; i += 1) fail(health, 'p0', 0)
    expect(now(0)).toBeCloseTo(0.8 ** 5)
    expect(now(60_000)).toBeCloseTo(1 - (1 - 0.8 ** 5) / 2)
    health.answered('p0', 0)
    expect(now(0)).toBeCloseTo(1 - (1 - 0.8 ** 5) * 0.8)
  })
})

describe('Health', () => {
  it('passes no verdict while it is held', () => {
    const health = healthOf(2)
    health.failed('p0', 'malformed', true, 0)
    health.connected('p0', false, true, 0)
    expect(health.conditionOf('p0', 0)).toMatchObject({ suspect: false, reliability: 1 })
  })

  it('is bounded', () => {
    expect(healthOf(3_000).size).toBe(1_024)
  })
})

describe('ClockWatch', () => {
  it('holds verdicts for a minute after the wall clock ran ahead', () => {
    const clock = new ClockWatch(0, 1_000_000)
    clock.beat(1_000, 1_001_000)
    expect(clock.look(1_500, 1_006_500)).toBe(false)
    clock.beat(2_000, 1_012_001)
    expect(clock.look(2_000, 1_012_001)).toBe(true)
    for (let nowMs = 3_000; nowMs <= 61_000; nowMs += 1_000) clock.beat(nowMs, nowMs + 1_010_001)
    expect(clock.look(61_999, 1_072_000)).toBe(true)
    expect(clock.look(62_000, 1_072_001)).toBe(false)
  })

  it('holds verdicts when a heartbeat is late, and when it is still missing', () => {
    const late = new ClockWatch(0, 0)
    late.beat(6_001, 6_001)
    expect(late.look(6_001, 6_001)).toBe(true)
    const missing = new ClockWatch(0, 0)
    expect(missing.look(6_000, 6_000)).toBe(false)
    expect(missing.look(6_001, 6_001)).toBe(true)
  })
})

import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { coolDownMs, MemberHealth } from '../../../../client/chain/member-health.ts'

const order = (health: MemberHealth, nowMs: number, ...keys: string[]) =>
  health.order(keys, (key) => key, nowMs).join('')
const MIDDLE = 0.5

describe('coolDownMs', () => {
  it('starts at 5 s and doubles with each consecutive failure, up to 5 min', () => {
    const times = [1, 2, 3, 7, 50].map((failures) => coolDownMs(failures, undefined, MIDDLE))
    expect(times).toEqual([5_000, 10_000, 20_000, 300_000, 300_000])
  })

  it('is the requested time, but never shorter than the previous cool-down', () => {
    expect(coolDownMs(1, 700, MIDDLE)).toBe(700)
    expect(coolDownMs(3, 700, MIDDLE)).toBe(10_000)
    expect(coolDownMs(1, 1e9, MIDDLE)).toBe(300_000)
  })

  it('is jittered by a quarter at most, and bounded', () => {
    void fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (failures, random) => {
          const ms = coolDownMs(failures, undefined, random)
          const middle = coolDownMs(failures, undefined, MIDDLE)
          expect(ms).toBeGreaterThanOrEqual(middle * 0.75)
          expect(ms).toBeLessThanOrEqual(Math.min(300_000, middle * 1.25))
        },
      ),
    )
  })
})

describe('MemberHealth', () => {
  it('keeps the order of healthy members', () => {
    expect(order(new MemberHealth(), 0, 'a', 'b', 'c')).toBe('abc')
  })

  it('puts a failed member last until its cool-down is over', () => {
    const health = new MemberHealth()
    health.failed('a', {}, 0, MIDDLE)
    expect(order(health, 4_999, 'a', 'b')).toBe('ba')
    expect(order(health, 5_000, 'a', 'b')).toBe('ab')
  })

  it('puts the earliest to recover first if all failed', () => {
    const health = new MemberHealth()
    health.failed('a', { retryAfterMs: 9_000 }, 0, MIDDLE)
    health.failed('b', { retryAfterMs: 1_000 }, 0, MIDDLE)
    expect(order(health, 10, 'a', 'b')).toBe('ba')
  })

  it('lets one request at a time test whether it has recovered', () => {
    const health = new MemberHealth()
    health.failed('a', {}, 0, MIDDLE)
    health.began('a')
    expect(order(health, 6_000, 'a', 'b')).toBe('ba')
    health.released('a')
    expect(order(health, 6_000, 'a', 'b')).toBe('ab')
    health.began('a')
    health.failed('a', {}, 6_000, MIDDLE)
    expect(order(health, 15_999, 'a', 'b')).toBe('ba')
    health.succeeded('a')
    expect(order(health, 15_999, 'a', 'b')).toBe('ab')
  })

  it('does not track trials of healthy members', () => {
    const health = new MemberHealth()
    health.began('a')
    health.began('a')
    expect(order(health, 0, 'a', 'b')).toBe('ab')
    expect(health.size).toBe(0)
  })

  it('never leaves out a member, whatever happened, and evicts the oldest', () => {
    const key = fc.integer({ min: 0, max: 400 }).map(String)
    const deed = fc.constantFrom('began', 'succeeded', 'failed', 'released')
    void fc.assert(
      fc.property(
        fc.array(fc.tuple(key, deed), { maxLength: 600 }),
        fc.nat(1e6),
        (deeds, nowMs) => {
          const health = new MemberHealth()
          for (const [member, what] of deeds) {
            if (what === 'failed') health.failed(member, {}, nowMs, MIDDLE)
            else health[what as 'began' | 'released' | 'succeeded'](member)
          }
          const keys = [...new Set(deeds.map(([member]) => member))]
          expect(new Set(health.order(keys, (each) => each, nowMs))).toEqual(new Set(keys))
          expect(health.order(keys, (each) => each, nowMs)).toHaveLength(keys.length)
          expect(health.size).toBeLessThanOrEqual(256)
        },
      ),
    )
  })
})

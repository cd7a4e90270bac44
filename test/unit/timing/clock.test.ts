import { afterEach, describe, expect, it, vi } from 'vitest'
import { VirtualClock } from '../../../testing/index.ts'
import { every, everyTogether, systemClock } from '../../../timing/index.ts'

afterEach(() => {
  vi.useRealTimers()
})

describe('the system clock', () => {
  it('fires once after the delay', () => {
    vi.useFakeTimers()
    const run = vi.fn()
    systemClock.after(1_000, run)
    vi.advanceTimersByTime(999)
    expect(run).not.toHaveBeenCalled()
    vi.advanceTimersByTime(10_000)
    expect(run).toHaveBeenCalledTimes(1)
  })

  it('keeps delays that are longer than setTimeout takes', () => {
    vi.useFakeTimers()
    const run = vi.fn()
    const days = 86_400_000
    systemClock.after(60 * days, run)
    vi.advanceTimersByTime(59 * days)
    expect(run).not.toHaveBeenCalled()
    vi.advanceTimersByTime(days)
    expect(run).toHaveBeenCalledTimes(1)
  })

  it('never fires after an infinite delay, nor when disposed', () => {
    vi.useFakeTimers()
    const run = vi.fn()
    const never = systemClock.after(Number.POSITIVE_INFINITY, run)
    systemClock.after(1_000, run)[Symbol.dispose]()
    vi.advanceTimersByTime(100 * 86_400_000)
    expect(run).not.toHaveBeenCalled()
    never[Symbol.dispose]()
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('every', () => {
  it('repeats until disposed, also from within', async () => {
    const clock = new VirtualClock()
    const seen: number[] = []
    const timer = every(clock, 10, () => {
      seen.push(clock.now())
      if (seen.length === 3) timer[Symbol.dispose]()
    })
    await clock.run()
    expect(seen).toEqual([10, 20, 30])
  })

  it('repeats until its signal fires', async () => {
    const clock = new VirtualClock()
    const controller = new AbortController()
    const seen: number[] = []
    const note = (): void => {
      seen.push(clock.now())
      if (seen.length === 3) controller.abort()
    }
    every(clock, 10, note, { signal: controller.signal })
    await clock.run()
    expect(seen).toEqual([10, 20, 30])
  })
})

describe('everyTogether', () => {
  it('calls tasks of related intervals together, whenever they began', async () => {
    const clock = new VirtualClock()
    const stopping = new AbortController()
    const wakes = new Map<number, string[]>()
    const { signal } = stopping
    const begin = (name: string, ms: number): void => {
      const note = (): void => {
        wakes.set(clock.now(), [...(wakes.get(clock.now()) ?? []), name])
      }
      everyTogether(clock, ms, note, { signal })
    }
    begin('a', 2_000)
    await clock.advance(700)
    begin('b', 2_000)
    await clock.advance(900)
    begin('c', 3_000)
    await clock.advance(10_400)
    expect([...wakes]).toEqual([
      [2_000, ['a', 'b']],
      [4_000, ['a', 'b']],
      [6_000, ['c', 'a', 'b']],
      [8_000, ['a', 'b']],
      [9_000, ['c']],
      [10_000, ['a', 'b']],
      [12_000, ['c', 'a', 'b']],
    ])
    stopping.abort()
  })

  it('neither calls twice nor skips a call where timers are early or late', () => {
    let nowMs = 0
    let fire = (): void => {}
    let delayMs = 0
    const clock = {
      now: () => nowMs,
      wall: () => nowMs,
      after: (ms: number, run: () => void) => {
        delayMs = ms
        fire = run
        return { [Symbol.dispose]() {} }
      },
    }
    let calls = 0
    using _timer = everyTogether(clock, 1_000, () => {
      calls += 1
    })
    for (const offMs of [-0.6, 3, -0.4, 250, -0.9]) {
      nowMs += delayMs + offMs
      fire()
    }
    expect(calls).toBe(5)
    expect(nowMs + delayMs).toBe(6_000)
  })
})

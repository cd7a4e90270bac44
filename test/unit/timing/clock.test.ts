import { afterEach, describe, expect, it, vi } from 'vitest'
import { VirtualClock } from '../../../testing/index.ts'
import { every, systemClock } from '../../../timing/index.ts'

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

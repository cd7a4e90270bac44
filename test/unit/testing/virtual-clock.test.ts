import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../../../testing/index.ts'

/** An async function that goes on so many times, and then tells. */
async function afterAwaits(count: number, tell: () => void): Promise<void> {
  for (let n = 0; n < count; n += 1) await undefined
  tell()
}

describe('the virtual clock', () => {
  it('does not go on before what an event set off has ended, however many awaits that takes', async () => {
    const clock = new VirtualClock()
    const seen: number[] = []
    clock.after(0, () => {
      for (const awaits of [0, 1, 4, 50]) void afterAwaits(awaits, () => seen.push(clock.now()))
    })
    for (let n = 1; n <= 100; n += 1) clock.after(60_000 * n, () => {})
    await clock.run()
    expect(seen).toEqual([0, 0, 0, 0])
    expect(clock.now()).toBe(6_000_000)
  })

  it('plans what a continuation plans from when its event was', async () => {
    const clock = new VirtualClock()
    const seen: string[] = []
    clock.after(10, () => {
      void afterAwaits(4, () => clock.after(5, () => seen.push(`continued at ${clock.now()}`)))
    })
    clock.after(20, () => seen.push(`another at ${clock.now()}`))
    await clock.run()
    expect(seen).toEqual(['continued at 15', 'another at 20'])
  })

  it('lets what was begun before it runs go on first', async () => {
    const clock = new VirtualClock()
    const seen: number[] = []
    void afterAwaits(10, () => seen.push(clock.now()))
    clock.after(1_000, () => {})
    await clock.run()
    expect(seen).toEqual([0])
  })

  it('advances by a span, and runs what falls into it', async () => {
    const clock = new VirtualClock({ wallMs: 1_000_000 })
    const seen: number[] = []
    for (const ms of [10, 20, 30]) clock.after(ms, () => seen.push(clock.now()))
    await clock.advance(25)
    expect(seen).toEqual([10, 20])
    expect(clock.now()).toBe(25)
    expect(clock.wall()).toBe(1_000_025)
  })

  it('lets time pass until a promise settles, and no longer', async () => {
    const clock = new VirtualClock()
    const promise = new Promise<string>((resolve) => {
      clock.after(3_600_000, () => resolve('an hour'))
    })
    clock.after(7_200_000, () => {})
    expect(await clock.until(promise)).toBe('an hour')
    expect(clock.now()).toBe(3_600_000)
  })

  it('rejects like the promise', async () => {
    const clock = new VirtualClock()
    const promise = new Promise<never>((_, reject) => {
      clock.after(5, () => reject(new Error('late')))
    })
    await expect(clock.until(promise)).rejects.toThrow('late')
  })

  it('waits for work outside of the clock', async () => {
    const clock = new VirtualClock()
    const promise = new Promise<void>((resolve) => {
      setTimeout(() => clock.after(1_000, resolve), 5)
    })
    await clock.until(promise)
    expect(clock.now()).toBe(1_000)
  })

  it('does not run a disposed timer', async () => {
    const clock = new VirtualClock()
    const seen: number[] = []
    const timer = clock.after(10, () => seen.push(1))
    clock.after(20, () => seen.push(2))
    timer[Symbol.dispose]()
    await clock.run()
    expect(seen).toEqual([2])
  })

  it('lets time pass however short a delay is', async () => {
    const clock = new VirtualClock()
    await clock.advance(1e9)
    clock.after(1e-12, () => {})
    await clock.run()
    expect(clock.now()).toBeGreaterThan(1e9)
  })

  it('flows by itself while a timer in the foreground is ahead', async () => {
    const clock = new VirtualClock()
    using _flow = clock.flow()
    const seen: string[] = []
    clock.after(60_000, () => seen.push('background'), { background: true })
    const far = Promise.withResolvers<void>()
    clock.after(90_000, far.resolve)
    await far.promise
    expect([seen, clock.now(), clock.planned]).toEqual([['background'], 90_000, 0])
    clock.after(1_000, () => seen.push('later'), { background: true })
    const near = Promise.withResolvers<void>()
    clock.after(500, near.resolve)
    await near.promise
    expect([seen, clock.now(), clock.planned]).toEqual([['background'], 90_500, 1])
  })

  it('flows no further once stopped, nor for a cancelled timer', async () => {
    const clock = new VirtualClock()
    const flow = clock.flow()
    clock.after(1_000, () => {})[Symbol.dispose]()
    await turns(20)
    expect(clock.now()).toBe(0)
    flow[Symbol.dispose]()
    clock.after(1_000, () => {})
    await turns(20)
    expect([clock.now(), clock.planned]).toEqual([0, 1])
  })

  it('does not flow while the event loop has something else to do', async () => {
    const clock = new VirtualClock()
    using _flow = clock.flow()
    clock.after(1_000, () => {})
    await turns(200)
    expect(clock.now()).toBe(0)
    const next = Promise.withResolvers<void>()
    clock.after(2_000, next.resolve)
    await next.promise
    expect(clock.now()).toBe(2_000)
  })
})

async function turns(count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) await new Promise((resolve) => setImmediate(resolve))
}

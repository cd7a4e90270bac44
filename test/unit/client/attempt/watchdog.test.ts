import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Watchdog } from '../../../../client/attempt/watchdog.ts'

const limits = { silenceTimeoutMs: 1_000, ttftTimeoutMs: 5_000, itlTimeoutMs: 2_000 }

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

function create() {
  const expired = vi.fn<(error: Error) => void>()
  const peers = { others: 1 }
  const isAlone = (): boolean => peers.others === 0
  return { expired, peers, watchdog: new Watchdog(limits, expired, { isAlone }) }
}

/** One wait for the peer that lasts `ms`. */
async function wait(watchdog: Watchdog, ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const guarded = watchdog.guard(promise)
  await vi.advanceTimersByTimeAsync(ms)
  resolve()
  await guarded
}

describe('Watchdog', () => {
  it('ends silence before the first piece', async () => {
    const { watchdog, expired } = create()
    await wait(watchdog, 999)
    expect(expired).not.toHaveBeenCalled()
    await wait(watchdog, 2)
    expect(expired.mock.lastCall?.[0].message).toContain('said nothing for 1000 ms')
  })

  it('lets keep-alives extend the wait, but not beyond the time to first token', async () => {
    const { watchdog, expired } = create()
    for (let ms = 0; ms < 4_900; ms += 700) {
      await wait(watchdog, 700)
      watchdog.alive()
    }
    expect(expired).not.toHaveBeenCalled()
    await wait(watchdog, 150)
    expect(expired.mock.lastCall?.[0].message).toContain('no first token in 5000 ms')
  })

  it('waits for a first piece as long as the peer reports its work', async () => {
    const { watchdog, expired } = create()
    for (let ms = 0; ms < 60_000; ms += 900) {
      await wait(watchdog, 900)
      watchdog.working()
    }
    expect(expired).not.toHaveBeenCalled()
    await wait(watchdog, 1_001)
    expect(expired.mock.lastCall?.[0].message).toContain('said nothing for 1000 ms')
  })

  it('counts upload progress during a wait as a sign of life', async () => {
    const { watchdog, expired } = create()
    const { promise, resolve } = Promise.withResolvers<void>()
    const guarded = watchdog.guard(promise)
    for (let i = 0; i < 4; i += 1) {
      await vi.advanceTimersByTimeAsync(800)
      watchdog.alive()
    }
    expect(expired).not.toHaveBeenCalled()
    resolve()
    await guarded
  })

  it('does not let keep-alives extend the gap between pieces', async () => {
    const { watchdog, expired } = create()
    watchdog.progress(true)
    await wait(watchdog, 1_500)
    watchdog.alive()
    await wait(watchdog, 600)
    expect(expired.mock.lastCall?.[0].message).toContain('paused for more than 2000 ms')
  })

  it('restarts the gap with each piece, and does not count time spent elsewhere', async () => {
    const { watchdog, expired } = create()
    for (let i = 0; i < 5; i += 1) {
      watchdog.progress(true)
      await wait(watchdog, 1_500)
      await vi.advanceTimersByTimeAsync(60_000)
    }
    expect(expired).not.toHaveBeenCalled()
  })

  it('leaves no timer behind once it is closed', async () => {
    const { watchdog } = create()
    await wait(watchdog, 10)
    await expect(watchdog.guard(Promise.reject(new Error('gone')))).rejects.toThrow('gone')
    watchdog.close()
    expect(vi.getTimerCount()).toBe(0)
  })

  it('lets reports of work extend a gap only while no other peer can take over', async () => {
    const { watchdog, expired, peers } = create()
    watchdog.progress(true)
    peers.others = 0
    for (let ms = 0; ms < 60_000; ms += 900) {
      await wait(watchdog, 900)
      watchdog.working()
    }
    expect(expired).not.toHaveBeenCalled()
    peers.others = 1
    await wait(watchdog, 2_001)
    expect(expired.mock.lastCall?.[0].message).toContain('paused for more than 2000 ms')
  })

  it('ends a gap without a report although no other peer can take over', async () => {
    const { watchdog, expired, peers } = create()
    peers.others = 0
    watchdog.progress(true)
    watchdog.working()
    watchdog.progress(true)
    await wait(watchdog, 1_500)
    watchdog.alive()
    await wait(watchdog, 501)
    expect(expired).toHaveBeenCalledOnce()
  })
})

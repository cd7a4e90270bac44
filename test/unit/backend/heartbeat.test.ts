import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Heartbeat } from '../../../backend/heartbeat.ts'

describe('the heartbeat of an engine process', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it('detects a hang within ten seconds, and suspects it before', () => {
    const onHung = vi.fn()
    using heartbeat = new Heartbeat({ ask: () => {}, onHung })
    vi.advanceTimersByTime(6_000)
    expect(heartbeat.isDoubtful).toBe(true)
    expect(onHung).not.toHaveBeenCalled()
    vi.advanceTimersByTime(4_000)
    expect(onHung).toHaveBeenCalledTimes(1)
  })

  it('asks less often at rest, and as often as ever from new work on', () => {
    let isAtRest = true
    const asked: number[] = []
    const onHung = vi.fn()
    const begunAtMs = Date.now()
    const ask = (): void => {
      asked.push(Date.now() - begunAtMs)
    }
    using heartbeat = new Heartbeat({ ask, onHung, isAtRest: () => isAtRest })
    for (let n = 0; n < 3; n += 1) {
      vi.advanceTimersByTime(6_000)
      heartbeat.heard()
    }
    expect(asked).toEqual([6_000, 12_000, 18_000])
    isAtRest = false
    heartbeat.wake()
    vi.advanceTimersByTime(1_500)
    expect(asked.at(-1)).toBe(19_500)
    vi.advanceTimersByTime(7_500)
    expect(onHung).toHaveBeenCalledTimes(1)
  })

  it('detects a hang at rest, too', () => {
    const onHung = vi.fn()
    using heartbeat = new Heartbeat({ ask: () => {}, onHung, isAtRest: () => true })
    vi.advanceTimersByTime(15_000)
    expect(heartbeat.isDoubtful).toBe(true)
    vi.advanceTimersByTime(10_000)
    expect(onHung).toHaveBeenCalledTimes(1)
  })

  it('tolerates late answers', () => {
    const onHung = vi.fn()
    using heartbeat = new Heartbeat({ ask: () => {}, onHung })
    for (let n = 0; n < 10; n += 1) {
      vi.advanceTimersByTime(7_000)
      heartbeat.heard()
      expect(heartbeat.isDoubtful).toBe(false)
    }
    expect(onHung).not.toHaveBeenCalled()
  })

  it('sends no pings after the end', () => {
    const ask = vi.fn()
    new Heartbeat({ ask, onHung: () => {} })[Symbol.dispose]()
    vi.advanceTimersByTime(60_000)
    expect(ask).not.toHaveBeenCalled()
  })
})

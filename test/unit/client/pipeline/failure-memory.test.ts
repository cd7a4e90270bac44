import { describe, expect, it } from 'vitest'
import { FailureMemory } from '../../../../client/pipeline/failure-memory.ts'
import { type ErrorCode, InferenceError } from '../../../../protocol/index.ts'

describe('FailureMemory', () => {
  const failure = (code: ErrorCode = 'over_capacity', retryAfterMs?: number) =>
    new InferenceError(code, 'all slots are taken', {
      details: { param: 'x' },
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    })

  function failing(times: number, error = failure(), everyMs = 10): FailureMemory {
    const memory = new FailureMemory()
    for (let done = 0; done < times; done += 1) memory.failed('key', error, done * everyMs)
    return memory
  }

  it('answers from memory after three failures in a row, not after two', () => {
    expect(failing(2).recall('key', 10)).toBeUndefined()
    const remembered = failing(3).recall('key', 20)
    expect(remembered).toMatchObject({
      code: 'over_capacity',
      retryAfterMs: 1_000,
      details: { param: 'x' },
    })
    expect(remembered?.message).toContain('failed 3 times')
    expect(remembered?.message).toContain('all slots are taken')
  })

  it('reports the remaining time, and lets the next request through afterwards', () => {
    const memory = failing(3)
    expect(memory.recall('key', 520)?.retryAfterMs).toBe(500)
    expect(memory.recall('key', 1_019.5)?.retryAfterMs).toBe(1)
    expect(memory.recall('key', 1_020)).toBeUndefined()
  })

  it('doubles the time with each further failure, up to 30 s', () => {
    const memory = new FailureMemory()
    let nowMs = 0
    const waits: (number | undefined)[] = []
    for (let failures = 1; failures <= 10; failures += 1) {
      memory.failed('key', failure(), nowMs)
      const wait = memory.recall('key', nowMs)?.retryAfterMs
      waits.push(wait)
      nowMs += wait ?? 1
    }
    expect(waits.slice(0, 2)).toEqual([undefined, undefined])
    expect(waits.slice(2)).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000])
  })

  it('uses the `retryAfterMs` of the error, up to a minute', () => {
    expect(failing(3, failure('rate_limited', 250)).recall('key', 20)?.retryAfterMs).toBe(250)
    expect(failing(9, failure('rate_limited', 250)).recall('key', 80)?.retryAfterMs).toBe(250)
    const long = failing(3, failure('rate_limited', 1e9))
    expect(long.recall('key', 20)?.retryAfterMs).toBe(60_000)
  })

  it('counts a failure right after the remembered time as consecutive', () => {
    const memory = failing(3, failure('rate_limited', 60_000))
    memory.failed('key', failure('rate_limited', 60_000), 65_000)
    expect(memory.recall('key', 65_000)?.message).toContain('4 times')
  })

  it('starts counting again after a success, or a minute without failure', () => {
    const answered = failing(3)
    answered.succeeded('key')
    expect(answered.recall('key', 21)).toBeUndefined()
    answered.failed('key', failure(), 30)
    expect(answered.recall('key', 30)).toBeUndefined()

    const atTheMinute = failing(3, failure(), 60_000)
    expect(atTheMinute.recall('key', 120_000)).toBeDefined()
    const later = failing(3, failure(), 60_001)
    expect(later.recall('key', 120_002)).toBeUndefined()
  })

  it('remembers exceeded deadlines, but neither cancelled nor invalid requests', () => {
    expect(failing(5, failure('cancelled')).recall('key', 40)).toBeUndefined()
    expect(failing(5, failure('invalid_request')).recall('key', 40)).toBeUndefined()
    expect(failing(5, failure('deadline_exceeded')).recall('key', 40)).toBeDefined()
  })

  it('reports the last of several errors', () => {
    const memory = failing(3)
    memory.failed('key', failure('engine_failed'), 40)
    expect(memory.recall('key', 40)?.code).toBe('engine_failed')
  })

  it('keeps requests apart', () => {
    expect(failing(3).recall('another', 20)).toBeUndefined()
  })

  it('evicts the least recently used of more than 1,024 requests', () => {
    const memory = failing(3)
    for (let other = 0; other < 1_023; other += 1) memory.failed(`other ${other}`, failure(), 30)
    // Asked for just now: the next to leave is another.
    expect(memory.recall('key', 30)).toBeDefined()
    memory.failed('one more', failure(), 30)
    expect(memory.recall('key', 30)).toBeDefined()
    for (let other = 0; other < 1_024; other += 1) memory.failed(`third ${other}`, failure(), 30)
    expect(memory.recall('key', 30)).toBeUndefined()
  })
})

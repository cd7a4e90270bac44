import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RepetitionDetector } from '../../../client/dispatch/repetition-detector.ts'
import { FailureMemory } from '../../../client/pipeline/failure-memory.ts'
import { requestKey } from '../../../client/pipeline/request-key.ts'
import { type ErrorCode, InferenceError } from '../../../protocol/index.ts'

/** The number of pieces after which the detector first says so; undefined where it never does. */
function noticedAfter(pieces: readonly string[], maxRepeats: number): number | undefined {
  const detector = new RepetitionDetector(maxRepeats)
  const index = pieces.findIndex((piece) => detector.push(piece))
  return index === -1 ? undefined : index + 1
}

function cycled(cycle: readonly string[], rounds: number): string[] {
  return Array.from({ length: rounds }, () => cycle).flat()
}

describe('RepetitionDetector', () => {
  it('notices a piece that comes a hundred times in a row, and not one time sooner', () => {
    expect(noticedAfter(cycled([' again'], 99), 100)).toBeUndefined()
    expect(noticedAfter(cycled([' again'], 200), 100)).toBe(100)
  })

  it('notices a cycle of up to eight pieces at the end of its last round, whatever came before', () => {
    const words = ['one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine']
    for (let length = 1; length <= 8; length += 1) {
      const pieces = ['It', ' begins', ...cycled(words.slice(0, length), 10)]
      expect(noticedAfter(pieces, 5)).toBe(2 + 5 * length)
    }
    expect(noticedAfter(cycled(words, 50), 5)).toBeUndefined()
  })

  it('begins anew after a piece that breaks the cycle', () => {
    const broken = [...cycled(['tick', 'tock'], 9), 'boom']
    expect(noticedAfter(cycled(broken, 2), 10)).toBeUndefined()
    expect(noticedAfter([...broken, ...cycled(['tick', 'tock'], 10)], 10)).toBe(39)
  })

  it.each([['0'], [' '], ['-'], ['--'], ['\n'], ['=', '-'], ['🙂', '🙃']])(
    'lets a row of %j be, however long',
    (...cycle) => {
      expect(noticedAfter(cycled(cycle, 5_000), 10)).toBeUndefined()
    },
  )

  it('does not take a row of zeros for a cycle of three characters', () => {
    expect(noticedAfter(['matrix', ...cycled(['0'], 2_000), '1'], 3)).toBeUndefined()
  })

  it('notices a cycle whose parts are rows', () => {
    expect(noticedAfter(cycled(['0', '0', '0', '1'], 20), 20)).toBe(80)
  })

  it('does not count empty pieces', () => {
    expect(noticedAfter(cycled([''], 1_000), 3)).toBeUndefined()
    expect(noticedAfter(cycled(['loop', ''], 3), 3)).toBe(5)
  })

  it('lets counting to ten thousand be', () => {
    const count = Array.from({ length: 10_000 }, (_, n) => [String(n), ', ']).flat()
    expect(noticedAfter(count, 100)).toBeUndefined()
  })

  it('agrees with looking at all the text there was', () => {
    const pieces = fc.array(fc.constantFrom('a', 'b', 'cde'), { maxLength: 60, size: 'max' })
    const repeats = fc.integer({ min: 2, max: 6 })
    fc.assert(
      fc.property(pieces, repeats, (given, maxRepeats) => {
        const detector = new RepetitionDetector(maxRepeats)
        for (const [index, piece] of given.entries()) {
          const seen = given.slice(0, index + 1)
          expect(detector.push(piece)).toBe(isLoop(seen, maxRepeats))
        }
      }),
      { numRuns: 500 },
    )
  })
})

/** The rule, read off the whole text: the last pieces are `maxRepeats` rounds of a shortest cycle of over two characters. */
function isLoop(seen: readonly string[], maxRepeats: number): boolean {
  const exempt: number[] = []
  for (let length = 1; length <= 8; length += 1) {
    const cycle = seen.slice(-length)
    const tail = seen.slice(-length * maxRepeats)
    if (tail.length < length * maxRepeats) return false
    if (exempt.some((shorter) => length % shorter === 0)) continue
    if (!tail.every((piece, index) => piece === cycle[index % length])) continue
    if (cycle.join('').length > 2) return true
    exempt.push(length)
  }
  return false
}

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

  it('says how long it will go on, and lets the next request through after that', () => {
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

  it('keeps to the time that the error names, up to a minute', () => {
    expect(failing(3, failure('rate_limited', 250)).recall('key', 20)?.retryAfterMs).toBe(250)
    expect(failing(9, failure('rate_limited', 250)).recall('key', 80)?.retryAfterMs).toBe(250)
    const long = failing(3, failure('rate_limited', 1e9))
    expect(long.recall('key', 20)?.retryAfterMs).toBe(60_000)
  })

  it('still counts a failure right after a long time of remembering as one in a row', () => {
    const memory = failing(3, failure('rate_limited', 60_000))
    memory.failed('key', failure('rate_limited', 60_000), 65_000)
    expect(memory.recall('key', 65_000)?.message).toContain('4 times')
  })

  it('begins a new row after a success, or a minute without failure', () => {
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

  it('remembers neither cancelled nor invalid requests, but those past their deadline', () => {
    expect(failing(5, failure('cancelled')).recall('key', 40)).toBeUndefined()
    expect(failing(5, failure('invalid_request')).recall('key', 40)).toBeUndefined()
    expect(failing(5, failure('deadline_exceeded')).recall('key', 40)).toBeDefined()
  })

  it('tells the last of several errors', () => {
    const memory = failing(3)
    memory.failed('key', failure('engine_failed'), 40)
    expect(memory.recall('key', 40)?.code).toBe('engine_failed')
  })

  it('keeps requests apart', () => {
    expect(failing(3).recall('another', 20)).toBeUndefined()
  })

  it('forgets the request not heard of for longest beyond 1,024 of them', () => {
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

describe('requestKey', () => {
  it('is the same for the same fields in another order', () => {
    const a = requestKey('chat', { model: 'm', messages: [{ role: 'user', content: 'Hi' }] })
    const b = requestKey('chat', { messages: [{ content: 'Hi', role: 'user' }], model: 'm' })
    expect(a).toBe(b)
    expect(a).toMatch(/^[0-9a-f]{64}$/)
  })

  it('does not tell an absent field from one that is undefined', () => {
    expect(requestKey('completion', { model: 'm', seed: undefined })).toBe(
      requestKey('completion', { model: 'm' }),
    )
  })

  it('tells requests apart by kind, by value and by the order of messages', () => {
    const keys = [
      requestKey('chat', { model: 'm' }),
      requestKey('completion', { model: 'm' }),
      requestKey('completion', { model: 'm', n: 1 }),
      requestKey('completion', { model: 'm', n: '1' }),
      requestKey('completion', { model: 'm', n: null }),
      requestKey('completion', { model: 'm', prompt: [1, 2] }),
      requestKey('completion', { model: 'm', prompt: [2, 1] }),
      requestKey('completion', { model: 'm', prompt: '[1,2]' }),
    ]
    expect(new Set(keys).size).toBe(keys.length)
  })

  it('is equal for two bodies exactly where their values are', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.jsonValue()),
        fc.dictionary(fc.string(), fc.jsonValue()),
        (a, b) => {
          const reversed = Object.fromEntries(Object.entries(a).reverse())
          expect(requestKey('chat', reversed)).toBe(requestKey('chat', a))
          const equal = JSON.stringify(sorted(a)) === JSON.stringify(sorted(b))
          expect(requestKey('chat', a) === requestKey('chat', b)).toBe(equal)
        },
      ),
    )
  })
})

/** An independent spelling of equality: pairs in the order of their keys, all the way down. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return ['array', ...value.map(sorted)]
  if (typeof value !== 'object' || value === null) return value
  const pairs = Object.entries(value).map(([key, field]) => [key, sorted(field)])
  return ['object', ...pairs.sort(([a], [b]) => (String(a) < String(b) ? -1 : 1))]
}

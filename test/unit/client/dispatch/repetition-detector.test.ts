import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RepetitionDetector } from '../../../../client/dispatch/repetition-detector.ts'

/** The number of pieces after which the detector first reports a loop; undefined if it never does. */
function noticedAfter(pieces: readonly string[], maxRepeats: number): number | undefined {
  const detector = new RepetitionDetector(maxRepeats)
  const index = pieces.findIndex((piece) => detector.push(piece))
  return index === -1 ? undefined : index + 1
}

function cycled(cycle: readonly string[], rounds: number): string[] {
  return Array.from({ length: rounds }, () => cycle).flat()
}

describe('RepetitionDetector', () => {
  it('detects a piece that is repeated a hundred times in a row, and not earlier', () => {
    expect(noticedAfter(cycled([' again'], 99), 100)).toBeUndefined()
    expect(noticedAfter(cycled([' again'], 200), 100)).toBe(100)
  })

  it('detects a cycle of up to eight pieces at the end of its last round, whatever came before', () => {
    const words = ['one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine']
    for (let length = 1; length <= 8; length += 1) {
      const pieces = ['It', ' begins', ...cycled(words.slice(0, length), 10)]
      expect(noticedAfter(pieces, 5)).toBe(2 + 5 * length)
    }
    expect(noticedAfter(cycled(words, 50), 5)).toBeUndefined()
  })

  it('starts again after a piece that breaks the cycle', () => {
    const broken = [...cycled(['tick', 'tock'], 9), 'boom']
    expect(noticedAfter(cycled(broken, 2), 10)).toBeUndefined()
    expect(noticedAfter([...broken, ...cycled(['tick', 'tock'], 10)], 10)).toBe(39)
  })

  it.each([['0'], [' '], ['-'], ['--'], ['\n'], ['=', '-'], ['🙂', '🙃']])(
    'ignores a row of %j of any length',
    (...cycle) => {
      expect(noticedAfter(cycled(cycle, 5_000), 10)).toBeUndefined()
    },
  )

  it('does not take a row of zeros for a cycle of three characters', () => {
    expect(noticedAfter(['matrix', ...cycled(['0'], 2_000), '1'], 3)).toBeUndefined()
  })

  it('detects a cycle whose parts are rows', () => {
    expect(noticedAfter(cycled(['0', '0', '0', '1'], 20), 20)).toBe(80)
  })

  it('does not count empty pieces', () => {
    expect(noticedAfter(cycled([''], 1_000), 3)).toBeUndefined()
    expect(noticedAfter(cycled(['loop', ''], 3), 3)).toBe(5)
  })

  it('ignores an answer that counts to ten thousand', () => {
    const count = Array.from({ length: 10_000 }, (_, n) => [String(n), ', ']).flat()
    expect(noticedAfter(count, 100)).toBeUndefined()
  })

  it('agrees with a check of the whole text', () => {
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

/** The rule applied to the whole text: the last pieces are `maxRepeats` rounds of a shortest cycle of over two characters. */
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

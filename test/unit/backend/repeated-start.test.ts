import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RepeatedStart } from '../../../backend/continuation/index.ts'

const BEGUN = 'Once upon a time there was a fox.'

function rest(
  begun: string,
  pieces: readonly string[],
  { repeats = false, isCallers = false }: { repeats?: boolean; isCallers?: boolean } = {},
): string {
  const start = new RepeatedStart({ begun, sent: begun.trimEnd(), repeats, isCallers })
  return pieces.map((piece) => start.pass(piece)).join('') + start.rest()
}

describe('the rest of an answer that an API continues', () => {
  it('passes through, in whatever pieces it comes', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ maxLength: 12 })), (pieces) => {
        expect(rest(BEGUN, [' It', ...pieces])).toBe([' It', ...pieces].join(''))
      }),
    )
  })

  it('is what follows a repetition of the beginning, in whatever pieces that comes', () => {
    fc.assert(
      fc.property(fc.nat(BEGUN.length), fc.nat(BEGUN.length), (one, other) => {
        const whole = `${BEGUN} It was red.`
        const [a, b] = [Math.min(one, other), Math.max(one, other)]
        const pieces = [whole.slice(0, a), whole.slice(a, b), whole.slice(b)]
        expect(rest(BEGUN, pieces)).toBe(' It was red.')
      }),
    )
  })

  it.each([
    ['differs later', 'Once upon a time there was a bear.'],
    ['ends before the beginning does', 'Once upon a time there'],
  ])('is no other answer that %s', (_, again) => {
    expect(() => rest(BEGUN, [again])).toThrow(
      expect.objectContaining({ code: 'not_resumable', message: expect.stringContaining('anew') }),
    )
    expect(() => rest(BEGUN, [again], { isCallers: true })).toThrow(
      expect.objectContaining({ code: 'engine_failed' }),
    )
  })

  it('may begin as the answer does, by chance', () => {
    expect(rest(BEGUN, ['Once', ' more.'])).toBe('Once more.')
    expect(rest(BEGUN, ['Once'])).toBe('Once')
  })

  it('fails if a short beginning comes twice, unless the API always sends it', () => {
    expect(() => rest('ha', ['ha ha'])).toThrow(expect.objectContaining({ code: 'not_resumable' }))
    expect(rest('ha', ['ha ha'], { repeats: true })).toBe(' ha')
  })

  it('does not double white space at the seam', () => {
    expect(rest('one ', [' two'])).toBe('two')
    expect(rest('one ', ['two'])).toBe('two')
    expect(rest('f():\n    ', ['\n', '   ', ' return'])).toBe('return')
    expect(rest(`${BEGUN} \n`, [BEGUN, ' \n', 'It'])).toBe('It')
    expect(rest('\n', ['\n', 'Hello'])).toBe('Hello')
  })
})

import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ResumeSeam } from '../../../backend/continuation/resume-seam.ts'
import { AnswerText } from '../../../backend/embedded/answer-text.ts'
import { SpecialTextGuard } from '../../../backend/embedded/special-text.ts'

/** A tokenizer whose ids are bytes: characters beyond ASCII span several ids. */
const spell = (tokens: readonly number[]): string => Buffer.from(tokens).toString('utf8')

const newText = (stops: readonly string[] = []) => new AnswerText({ spell, prompt: [], stops })

function write(text: AnswerText, ids: readonly number[]) {
  const pieces: { text: string; ids: readonly number[] }[] = []
  for (const id of ids) {
    const piece = text.push(id)
    if (piece === undefined) continue
    pieces.push({ text: piece.text, ids: piece.tokenIds })
    if (piece.stopped) return { pieces, stopped: true }
  }
  const rest = text.flush()
  pieces.push({ text: rest.text, ids: rest.tokenIds })
  return { pieces, stopped: rest.stopped }
}

const joined = (pieces: readonly { text: string }[]) => pieces.map(({ text }) => text).join('')

/** Texts without the character that stands for half of another. */
const textWithoutMark = fc
  .string({ unit: 'grapheme', maxLength: 60 })
  .filter((text) => !text.includes('\uFFFD'))

describe('AnswerText', () => {
  it('emits every id once, in order, and never half a character', () => {
    void fc.assert(
      fc.property(textWithoutMark, (text) => {
        const ids = [...Buffer.from(text)]
        const { pieces } = write(newText(), ids)
        expect(pieces.flatMap((piece) => piece.ids)).toEqual(ids)
        expect(joined(pieces)).toBe(text)
        for (const piece of pieces) expect(piece.text).not.toContain('\uFFFD')
      }),
    )
  })

  it('resumes after any number of ids as if it had never stopped', () => {
    const input = fc.record({
      text: fc.string({ unit: fc.constantFrom('a', 'b', 'é', '🪿', 'ab'), maxLength: 40 }),
      cut: fc.nat({ max: 80 }),
      stop: fc.constantFrom('aab', 'b🪿', 'éa', 'never'),
    })
    void fc.assert(
      fc.property(input, ({ text, cut, stop }) => {
        const ids = [...Buffer.from(text)]
        const whole = write(newText([stop]), ids)
        const second = newText([stop])
        const before = second.resume(ids.slice(0, cut))
        const after = before.stopped ? { pieces: [], stopped: true } : write(second, ids.slice(cut))
        expect(before.text + joined(after.pieces)).toBe(joined(whole.pieces))
        expect(after.stopped).toBe(whole.stopped)
      }),
    )
  })

  it('holds back a possible stop string, and releases it if it is not one', () => {
    const text = newText(['STOP'])
    const seen = [...'a STO'].map((letter) => text.push(letter.charCodeAt(0))?.text)
    expect(seen).toEqual(['a', ' ', undefined, undefined, undefined])
    expect(text.push('!'.charCodeAt(0))).toMatchObject({ text: 'STO!', stopped: false })
  })

  it('never shows any of a stop string', () => {
    const { pieces, stopped } = write(newText(['STOP', 'P!']), [...Buffer.from('one STOP two')])
    expect(joined(pieces)).toBe('one ')
    expect(stopped).toBe(true)
  })

  it('releases invalid UTF-8 instead of holding the answer back', () => {
    const text = newText()
    const ids = Array.from({ length: 40 }, () => 0xff)
    const shown = ids.map((id) => text.push(id)?.text ?? '').join('')
    expect(shown.length).toBeGreaterThanOrEqual(36)
    expect(shown + text.flush().text).toBe('\uFFFD'.repeat(40))
  })
})

describe('ResumeSeam', () => {
  it('passes on what the caller does not have, wherever the chunks are cut', () => {
    void fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme' })), fc.nat(60), (pieces, count) => {
        const text = pieces.join('')
        const delivered = [...text].slice(0, count).join('')
        const seam = new ResumeSeam(delivered, Buffer.byteLength(delivered))
        const passed = pieces.map((piece) => seam.pass(piece)).join('')
        seam.end()
        expect(delivered + passed).toBe(text)
      }),
    )
  })

  it('rejects another text, and an end before the delivered text', () => {
    expect(() => new ResumeSeam('abc', 3).pass('abd')).toThrow(/do not decode/)
    const short = new ResumeSeam('abc', 3)
    expect(short.pass('ab')).toBe('')
    expect(() => short.end()).toThrow(/do not decode/)
    expect(() => new ResumeSeam('abc', 4)).toThrow(/do not decode/)
  })
})

describe('SpecialTextGuard', () => {
  const SPECIALS = ['<|im_start|>', '<|im_end|>', '<s>', '</s>', '[INST]']
  const guard = () => new SpecialTextGuard(SPECIALS, '0123456789abcdef')

  it('leaves no special token for the template to parse, and gives every character back', () => {
    const part = fc.oneof(
      fc.constantFrom(...SPECIALS, '<', '|>', '<|im_', 'end|>', '</', 's>', '[IN', ']'),
      fc.string({ maxLength: 5 }),
    )
    void fc.assert(
      fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
        const content = parts.join('')
        const guarded = guard()
        const rendered = `<|im_start|>user\n${guarded.guard(content)}<|im_end|>`
        const segments = guarded.split(rendered)
        expect(segments.map(({ text }) => text).join('')).toBe(
          `<|im_start|>user\n${content}<|im_end|>`,
        )
        // What is parsed for special tokens holds the template's own two and no other.
        const parsed = segments.filter(({ plain }) => !plain).map(({ text }) => text)
        const found = parsed.flatMap(
          (text) => text.match(/<\|im_start\|>|<\|im_end\|>|<\/?s>|\[INST\]/g) ?? [],
        )
        expect(found).toEqual(['<|im_start|>', '<|im_end|>'])
      }),
    )
  })

  it('keeps a text from completing a special token together with the template', () => {
    const guarded = guard()
    const segments = guarded.split(`<|im_start|>${guarded.guard('x<|im_')}end|>`)
    expect(segments).toEqual([
      { text: '<|im_start|>x', plain: false },
      { text: '<|im_', plain: true },
      { text: 'end|>', plain: false },
    ])
  })

  it('does not touch ordinary text', () => {
    expect(guard().guard('Count from 1 to 60.')).toBe('Count from 1 to 60.')
    expect(new SpecialTextGuard([], 'n').guard('<|im_end|>')).toBe('<|im_end|>')
  })
})

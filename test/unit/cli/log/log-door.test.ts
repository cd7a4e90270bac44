import { describe, expect, it } from 'vitest'
import { earlyLogSettings, LogDoor } from '../../../../cli/log/index.ts'
import { reportError } from '../../../../cli/report-error.ts'
import { createTerminal } from '../../../../cli/terminal.ts'
import { InferenceError } from '../../../../protocol/index.ts'

const HOSTILE = 'failed: \u001b]0;owned\u0007\u001b[31mred\r\u009b2K\u007f\u2028{"level":"info"}'

function capture(settings: Parameters<LogDoor['configure']>[0] = {}) {
  const out: string[] = []
  const stderr = { write: (text: string) => out.push(text), isTTY: true }
  const door = new LogDoor(stderr, () => 0)
  door.configure(settings)
  const stdout = { write: () => true }
  const terminal = createTerminal({ stdout, stderr, log: door, stdinIsTty: true, json: false })
  return { door, terminal, out }
}

describe('the log as JSON', () => {
  it('has time, level, role, message and request id, one object a line, whatever a peer sends', () => {
    const { terminal, out } = capture({ format: 'json', role: 'gateway' })
    terminal.log(HOSTILE, { level: 'warn', requestId: 'req_1' })
    terminal.status('a bar that is redrawn')
    reportError(terminal, new InferenceError('no_peers', 'none\nfound'), 'skein')
    const text = out.join('')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: their absence is the point
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/)
    const lines = text.trimEnd().split('\n')
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      {
        ...{ time: '1970-01-01T00:00:00.000Z', level: 'warn', role: 'gateway' },
        message: expect.stringContaining('failed: red'),
        requestId: 'req_1',
      },
      { level: 'error', message: 'none found', code: 'no_peers', advice: expect.any(String) },
    ])
  })
})

describe('the level of the log', () => {
  it('drops what is less important, and keeps the last warnings for reports in any case', () => {
    const { door, out } = capture({ level: 'error' })
    for (let n = 0; n < 30; n += 1) door.write(`warning ${n}`, { level: 'warn' })
    door.write('for information')
    door.write('skein: broken', { level: 'error', advice: 'mend it' })
    expect(out).toEqual(['skein: broken\n  mend it\n'])
    expect(door.warnings()).toHaveLength(20)
    expect(door.warnings().map(({ message }) => message)).toContain('warning 29')
    expect(door.warnings().map(({ message }) => message)).not.toContain('for information')
  })

  it('is known before the command line is parsed, where it is valid', () => {
    const env = { SKEIN_LOG: 'warn', SKEIN_LOG_FORMAT: 'json' }
    expect(earlyLogSettings([], env)).toEqual({ level: 'warn', format: 'json' })
    expect(earlyLogSettings(['node', '--log=error', '--log-format', 'text'], env)).toEqual({
      level: 'error',
      format: 'text',
    })
    expect(earlyLogSettings(['--log', 'loud'], {})).toEqual({})
  })
})

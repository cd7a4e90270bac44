import { expect, it } from 'vitest'
import { createProgress, renderProgress } from '../../../cli/progress.ts'
import { createTerminal } from '../../../cli/terminal.ts'

const MIB = 1_048_576

function capture(isTTY: boolean) {
  const err: string[] = []
  const stderr = { write: (text: string) => err.push(text), isTTY }
  const terminal = createTerminal({
    stdout: { write: () => 0 },
    stderr,
    stdinIsTty: false,
    json: true,
  })
  return { progress: createProgress(terminal, 'Downloading'), err }
}

it('draws how far it is, in bytes and percent', () => {
  expect(renderProgress('Downloading', 0, 4 * MIB)).toBe(
    'Downloading [------------------------]   0%  0.0 MiB of 4.0 MiB',
  )
  expect(renderProgress('Downloading', 2 * MIB, 4 * MIB)).toContain(
    '[############------------]  50%',
  )
  expect(renderProgress('Downloading', 9 * MIB, 4 * MIB)).toContain('100%')
  expect(renderProgress('Downloading', 3 * MIB, 0)).toBe('Downloading 3.0 MiB')
})

it('prints ten or so lines to a log, however often it is told', () => {
  const { progress, err } = capture(false)
  for (let done = 0; done <= 1000; done += 1) progress.update(done, 1000)
  progress.end()
  expect(err).toHaveLength(11)
  expect(err.join('')).not.toContain('\u001b')
})

it('redraws one line on a terminal and ends it once', () => {
  const { progress, err } = capture(true)
  progress.update(1, 2)
  progress.update(2, 2)
  progress.end()
  progress.end()
  expect(err.filter((text) => text.startsWith('\r'))).toHaveLength(2)
  expect(err.filter((text) => text.endsWith('\n'))).toHaveLength(1)
})

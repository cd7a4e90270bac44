import { expect, it } from 'vitest'
import { createProgress, type ProgressInit, renderProgress } from '../../../cli/progress.ts'
import { createTerminal } from '../../../cli/terminal.ts'

const MIB = 1_048_576
const BYTES = { label: 'Downloading', unit: 'bytes' } as const

function capture(isTTY: boolean, init: Partial<ProgressInit> = {}) {
  const err: string[] = []
  const clock = { ms: 0 }
  const terminal = createTerminal({
    stdout: { write: () => 0 },
    stderr: { write: (text: string) => err.push(text), isTTY },
    stdinIsTty: false,
    json: true,
  })
  const progress = createProgress(terminal, { ...BYTES, now: () => clock.ms, ...init })
  return { progress, err, clock }
}

it('draws how far it is, in bytes and percent', () => {
  expect(renderProgress(BYTES, 0, 4 * MIB)).toBe(
    'Downloading [------------------------]   0%  0.0 MiB of 4.0 MiB',
  )
  expect(renderProgress(BYTES, 2 * MIB, 4 * MIB)).toContain('[############------------]  50%')
  expect(renderProgress(BYTES, 9 * MIB, 4 * MIB)).toContain('100%')
  expect(renderProgress(BYTES, 3 * MIB, 0)).toBe('Downloading 3.0 MiB')
  expect(renderProgress({ label: 'Loading', unit: 'fraction' }, 0.5, 1)).toMatch(/50%$/)
})

it('prints about ten lines to a log, however often it is updated', () => {
  const { progress, err } = capture(false)
  for (let done = 0; done <= 1000; done += 1) progress.update(done, 1000)
  progress.end()
  expect(err).toHaveLength(11)
  expect(err.join('')).not.toContain('\u001b')
})

it('redraws one line on a terminal ten times a second at most, always the last time, and ends it once', () => {
  const { progress, err, clock } = capture(true)
  for (let done = 1; done <= 1000; done += 1) {
    clock.ms += 1
    progress.update(done, 1000)
  }
  progress.end()
  progress.end()
  const drawn = err.filter((text) => text.startsWith('\r'))
  expect(drawn).toHaveLength(11)
  expect(drawn.at(-1)).toContain('100%')
  expect(err.filter((text) => text.endsWith('\n'))).toHaveLength(1)
})

it('prints nothing for a short operation', () => {
  const { progress, err, clock } = capture(false, { quietMs: 1_000 })
  progress.update(500, 1000)
  progress.end()
  expect(err).toEqual([])
  clock.ms = 1_000
  progress.update(600, 1000)
  expect(err).toHaveLength(1)
})

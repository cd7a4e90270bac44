import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { watchClock } from '../../../cli/clock-report.ts'
import { createTerminal } from '../../../cli/terminal.ts'
import type { ClockReport } from '../../../host/index.ts'

const HOUR = 3_600_000
const LOOK_MS = 15_000
const report = (own: ClockReport['own'], aheadMs = 0, peers = 3): ClockReport => ({
  ...{ own, aheadMs, peers, agreeing: peers, off: [] },
})

beforeEach(() => {
  vi.useFakeTimers()
})

afterEach(() => {
  vi.useRealTimers()
})

/** The lines that are logged while the report is this, each for as many looks as it stands here. */
function told(...reports: readonly ClockReport[]): readonly string[] {
  const lines: string[] = []
  const stderr = { write: (text: string) => lines.push(text.trim()) }
  const terminal = createTerminal({ stdout: stderr, stderr, stdinIsTty: false, json: false })
  let now = reports[0] ?? report('unknown')
  const stop = watchClock({ terminal } as Parameters<typeof watchClock>[0], { clock: () => now })
  for (const next of reports.slice(1)) {
    now = next
    vi.advanceTimersByTime(LOOK_MS)
  }
  stop()
  return lines
}

it('tells once that the clock is off, and once that it is right again', () => {
  const off = report('off', HOUR)
  const lines = told(
    report('unknown'),
    off,
    off,
    report('unknown'),
    report('right'),
    report('right'),
  )
  expect(lines).toHaveLength(2)
  expect(lines[0]).toMatch(/^This machine's clock is 60 min ahead of 3 of 3 peers: set/)
  expect(lines[1]).toBe('The clock is right again.')
})

it('blames neither of two machines whose clocks differ, and says later which one it was', () => {
  const unclear = report('unclear', -HOUR, 1)
  const healthy = told(unclear, unclear, unclear, report('right'))
  expect(healthy[0]).toMatch(/clock and that of the only peer are 60 min apart.*compare/)
  expect(healthy.slice(1)).toEqual(["This machine's clock agrees with 3 of 3 peers."])
  const wrong = told(unclear, unclear, report('off', -HOUR))
  expect(wrong[1]).toMatch(/^This machine's clock is 60 min behind 3 of 3 peers/)
})

it('says nothing of a machine whose clock is right, nor of a first reading that the next one settles', () => {
  expect(told(report('unknown'), report('right'), report('right'))).toEqual([])
  expect(told(report('unclear', HOUR, 1), report('right'))).toEqual([])
})

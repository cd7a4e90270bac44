import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { keepStatus, type StatusReport } from '../../../cli/status-file.ts'
import { VirtualClock } from '../../../testing/virtual-clock.ts'

let dataDir: string

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'skein-status-'))
})
afterEach(() => rm(dataDir, { recursive: true }))

it('is written when something in it changes, and from time to time', async () => {
  const clock = new VirtualClock()
  const written: string[] = []
  let connections = 0
  let steppedMs = 0
  const report = (): StatusReport => ({
    ...{ role: 'node', pid: process.pid, peerId: 'p', swarm: 'public', startedAtMs: 0 },
    ...{ addresses: [], bootstrap: [], models: [], knownPeers: 0 },
    writtenAtMs: clock.wall() + steppedMs,
    connections,
  })
  const faults: unknown[] = []
  const kept = keepStatus(dataDir, report, (error) => faults.push(error), {
    clock,
    write: async (_, content) => void written.push(content),
  })
  /** Times of the reports written meanwhile. */
  const after = async (ms: number): Promise<number[]> => {
    await clock.advance(ms)
    return written.splice(0).map((text) => (JSON.parse(text) as StatusReport).writtenAtMs)
  }
  expect(await after(0)).toEqual([0])
  expect(await after(7_000)).toEqual([])
  expect(await after(1_000)).toEqual([8_000])
  connections = 1
  expect(await after(2_000)).toEqual([10_000])
  expect(await after(16_000)).toEqual([18_000, 26_000])
  // The machine slept, or its clock was set.
  steppedMs = 60_000
  expect(await after(2_000)).toEqual([88_000])
  steppedMs = 0
  expect(await after(2_000)).toEqual([30_000])
  await kept.stop()
  expect(faults).toEqual([])
})

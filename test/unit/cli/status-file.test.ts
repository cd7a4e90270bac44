import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { keepStatus, readStatus, type StatusReport } from '../../../cli/status-file.ts'
import { VirtualClock } from '../../../testing/virtual-clock.ts'

let dataDir: string

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'skein-status-'))
})
afterEach(() => rm(dataDir, { recursive: true }))

/** As of the clock, with a number that the test changes. */
function reportAt(clock: VirtualClock, connections: number): StatusReport {
  return {
    ...{ role: 'node', pid: process.pid, peerId: 'p', swarm: 'public', startedAtMs: 0 },
    ...{ writtenAtMs: clock.wall(), addresses: [], bootstrap: [], models: [], knownPeers: 0 },
    connections,
  }
}

it('is written when something in it changed, and from time to time', async () => {
  const clock = new VirtualClock()
  let connections = 0
  let faults = 0
  const kept = keepStatus(
    dataDir,
    () => reportAt(clock, connections),
    () => {
      faults += 1
    },
    clock,
  )
  const isWritten = async (report: Partial<StatusReport>): Promise<void> =>
    await vi.waitFor(async () => expect(await readStatus(dataDir)).toMatchObject([report]))
  await isWritten({ writtenAtMs: 0 })
  await clock.advance(6_000)
  connections = 1
  await clock.advance(1_000)
  await isWritten({ writtenAtMs: 0, connections: 0 })
  await clock.advance(1_000)
  await isWritten({ writtenAtMs: 8_000, connections: 1 })
  await clock.advance(6_000)
  await isWritten({ writtenAtMs: 8_000 })
  await clock.advance(2_000)
  await isWritten({ writtenAtMs: 16_000 })
  await kept.stop()
  expect(await readStatus(dataDir)).toEqual([])
  expect(faults).toBe(0)
})

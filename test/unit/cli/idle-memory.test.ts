import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { releaseIdleMemory } from '../../../cli/idle-memory.ts'
import { VirtualClock } from '../../../testing/index.ts'

const MIB = 1_048_576

/** A process whose CPU and heap the test sets. */
function scene() {
  const clock = new VirtualClock()
  const process = { cpuMs: 0, heap: 100 * MIB }
  let collections = 0
  const released = releaseIdleMemory({
    clock,
    cpuMs: () => process.cpuMs,
    heapBytes: () => process.heap,
    collect: () => {
      collections += 1
      process.heap = 40 * MIB
    },
  })
  return { clock, process, released, collections: () => collections }
}

describe('memory of an idle process', () => {
  it('is released once after the start, and not again while the heap stays small', async () => {
    const { clock, collections } = scene()
    await clock.advance(10_000)
    expect(collections()).toBe(1)
    await clock.advance(3_600_000)
    expect(collections()).toBe(1)
  })

  it('is left alone while the process works', async () => {
    const { clock, process, collections } = scene()
    for (let look = 0; look < 10; look += 1) {
      process.cpuMs += 1_000
      await clock.advance(10_000)
    }
    expect(collections()).toBe(0)
    await clock.advance(10_000)
    expect(collections()).toBe(1)
  })

  it('is released again after a burst, at most every ten minutes', async () => {
    const { clock, process, collections } = scene()
    await clock.advance(10_000)
    process.heap = 90 * MIB
    await clock.advance(500_000)
    expect(collections()).toBe(1)
    await clock.advance(100_000)
    expect(collections()).toBe(2)
  })

  it('is not looked after once disposed of', async () => {
    const { clock, released, collections } = scene()
    released[Symbol.dispose]()
    await clock.advance(60_000)
    expect(collections()).toBe(0)
  })
})

/** In a process of its own: V8 collects differently in the threads of the test runner. */
const CHILD = `
import { releaseIdleMemory } from '${new URL('../../../cli/idle-memory.ts', import.meta.url)}'
const kept = []
// Survivors make the space for young objects grow.
for (let round = 0; round < 200; round += 1) {
  kept.push(Array.from({ length: 20_000 }, (_, at) => ({ at })))
  if (kept.length > 3) kept.shift()
}
kept.length = 0
const before = process.memoryUsage().heapTotal
let look
const clock = { now: () => 0, wall: () => 0, after: (_, run) => ((look ??= run), { [Symbol.dispose]() {} }) }
releaseIdleMemory({ clock, cpuMs: () => 0 })
look()
console.log(process.memoryUsage().heapTotal / before)
`

it('V8 gives back the space for young objects', () => {
  const args = ['--input-type=module', '--eval', CHILD]
  const share = Number(execFileSync(process.execPath, args, { encoding: 'utf8' }))
  expect(share).toBeLessThan(0.5)
})

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { processorTicks } from '../testing/index.ts'

/**
 * CPU of a process with all its threads so far, in milliseconds, as Linux counts it. Other load on the machine hardly
 * changes it, unlike wall time.
 */
export function cpuMs(pid: number): number {
  return processorTicks(readFileSync(`/proc/${pid}/stat`, 'utf8')).own * msPerTick()
}

/** CPU of the processes that this one has started and that have ended, in milliseconds. */
export function endedChildrenCpuMs(): number {
  return processorTicks(readFileSync('/proc/self/stat', 'utf8')).children * msPerTick()
}

let tickMs: number | undefined

function msPerTick(): number {
  tickMs ??= 1_000 / Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))
  return tickMs
}

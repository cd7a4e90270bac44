import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** Field numbers of `utime` and `stime` in `/proc/PID/stat`, counted from the field after the name. */
const UTIME = 11
const STIME = 12

/**
 * CPU of a process with all its threads so far, in milliseconds, as Linux counts it. Other load on the machine hardly
 * changes it, unlike wall time.
 */
export function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[UTIME]) + Number(fields[STIME])) * msPerTick()
}

/** CPU of the processes that this one has started and that have ended, in milliseconds. */
export function endedChildrenCpuMs(): number {
  const stat = readFileSync('/proc/self/stat', 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[UTIME + 2]) + Number(fields[STIME + 2])) * msPerTick()
}

let tickMs: number | undefined

function msPerTick(): number {
  tickMs ??= 1_000 / Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))
  return tickMs
}

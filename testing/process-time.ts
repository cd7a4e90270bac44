import { readFileSync } from 'node:fs'
import { processorTicks } from './processor-ticks.ts'

/** Linux counts processor time in hundredths of a second. */
const MS_PER_TICK = 10
/** A process waits if it and its children use, and wait for, less processor time than this in a second. */
export const IDLE_MS_PER_S = 30
const SAMPLE_MS = 1_000

/** Processor time of a process and of those that it started. */
export function cpuMs(pid: number): number {
  return family(pid).reduce((sum, member) => sum + ownCpuMs(member), 0)
}

/** Processor time used, and time for which a main thread waited for a processor: a loaded machine may give it none. */
export function wantedMs(pid: number): number {
  return family(pid).reduce((sum, member) => sum + ownCpuMs(member) + queuedMs(member), 0)
}

export interface IdleInit {
  /** Seconds without work, not necessarily in a row, after which it counts as stuck. */
  readonly idleS: number
  /** Longest life, however much it works. */
  readonly maxMs: number
  /** Called once. */
  readonly onStuck: () => void
}

/** Calls back once a process waits for too long. A loaded machine delays its work, but does not make it wait. */
export function watchForIdle(pid: number, { idleS, maxMs, onStuck }: IdleInit): Disposable {
  const startedAt = performance.now()
  let idle = 0
  let before = wantedMs(pid)
  const timer = setInterval(() => {
    const wanted = wantedMs(pid)
    if (Math.abs(wanted - before) < IDLE_MS_PER_S) idle += 1
    before = wanted
    if (idle < idleS && performance.now() - startedAt < maxMs) return
    clearInterval(timer)
    onStuck()
  }, SAMPLE_MS)
  return { [Symbol.dispose]: () => clearInterval(timer) }
}

/** A process with all that descend from it. */
function family(pid: number): readonly number[] {
  const children = read(`/proc/${pid}/task/${pid}/children`).split(' ').filter(Boolean).map(Number)
  return [pid, ...children.flatMap(family)]
}

function ownCpuMs(pid: number): number {
  return MS_PER_TICK * processorTicks(read(`/proc/${pid}/stat`)).own
}

function queuedMs(pid: number): number {
  return Number(read(`/proc/${pid}/schedstat`).split(' ')[1] ?? 0) / 1e6
}

/** @returns nothing for a process that has ended */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

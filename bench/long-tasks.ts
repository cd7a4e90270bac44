import type { Browser, Page } from 'playwright-core'

/** A task of a page above this keeps a frame. */
export const LONG_MS = 50

/** What the main thread of a page did. */
export interface MainThread {
  /** Tasks that ran longer than 50 ms by the clock, which other work on the machine adds to. */
  readonly longByClock: number
  /** Tasks that took more than 50 ms of processor time, on whatever machine. */
  readonly longByCpu: number
  readonly longestCpuMs: number
  readonly cpuMs: number
}

interface TraceEvent {
  readonly name: string
  readonly ph: string
  readonly pid: number
  readonly tid: number
  /** Microseconds. */
  readonly dur?: number
  /** Of the thread. Microseconds. */
  readonly tdur?: number
  readonly args?: { readonly name?: string }
}

/** Traces the page while `work` runs. The page must be the only one of its browser. */
export async function traceMainThread(
  browser: Browser,
  page: Page,
  work: () => Promise<void>,
): Promise<MainThread> {
  await browser.startTracing(page, { categories: ['toplevel', '__metadata'] })
  await work()
  const trace = JSON.parse((await browser.stopTracing()).toString()) as {
    readonly traceEvents: readonly TraceEvent[]
  }
  const { traceEvents: events } = trace
  const main = new Set(
    events
      .filter(({ name, args }) => name === 'thread_name' && args?.name === 'CrRendererMain')
      .map(({ pid, tid }) => `${pid} ${tid}`),
  )
  const tasks = events.filter(
    ({ ph, name, pid, tid }) =>
      ph === 'X' && name === 'ThreadControllerImpl::RunTask' && main.has(`${pid} ${tid}`),
  )
  const cpuMs = tasks.map(({ tdur = 0 }) => tdur / 1_000)
  if (!cpuMs.some((ms) => ms > 0)) throw new Error('the trace has no processor time of tasks')
  return {
    longByClock: tasks.filter(({ dur = 0 }) => dur / 1_000 > LONG_MS).length,
    longByCpu: cpuMs.filter((ms) => ms > LONG_MS).length,
    longestCpuMs: Math.max(...cpuMs),
    cpuMs: cpuMs.reduce((sum, ms) => sum + ms, 0),
  }
}

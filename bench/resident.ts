import { execFileSync } from 'node:child_process'
import { setTimeout as wait } from 'node:timers/promises'
import { type PeerTask, startPeer } from './peer-process.ts'
import { type Report, round } from './report.ts'

const SETTLE_MS = 3_000

/** Resident memory of a node without a model, against a bare Node process with the same modules loaded. */
export async function resident(): Promise<Report> {
  const tasks: readonly (readonly [string, PeerTask])[] = [
    ['modules only', { kind: 'idle' }],
    ['host', { kind: 'host' }],
    ['node, engine elsewhere', { kind: 'node', engine: 'scripted' }],
  ]
  const rows: Record<string, string | number>[] = []
  let base = 0
  for (const [what, task] of tasks) {
    await using peer = await startPeer(task)
    await wait(SETTLE_MS)
    const mebibytes = residentKib(peer.pid) / 1024
    base ||= mebibytes
    rows.push({ what, 'RSS MiB': round(mebibytes), ratio: round(mebibytes / base) })
  }
  return {
    title: 'resident memory of one process, three seconds after its start',
    rows,
    notes: ['V8 and the loaded modules dominate; a host adds its key, its sockets and its tables.'],
  }
}

/** Of another process, as the system counts it. */
export function residentKib(pid: number): number {
  return Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' }))
}

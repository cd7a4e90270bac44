import { setTimeout as wait } from 'node:timers/promises'
import { cpuMs } from './cpu-time.ts'
import { startPeer } from './peer-process.ts'
import { type Report, round } from './report.ts'

/** Joining, the first round of each periodic task, and the minute without use after which a node is at rest. */
const SETTLE_MS = 90_000

/** CPU of a node in a process of its own without requests, in a small swarm and in a larger one. */
export async function idle(quick: boolean): Promise<Report> {
  const measureMs = quick ? 60_000 : 300_000
  const sizes = quick ? [7] : [7, 50]
  await using engine = await startPeer({ kind: 'engine' })
  const [url = ''] = engine.addresses
  const rows: Record<string, string | number>[] = []
  for (const size of sizes) {
    await using others = await startPeer({ kind: 'hosts', count: size - 1 })
    await using node = await startPeer({
      kind: 'node',
      engine: { url },
      bootstrap: others.addresses,
    })
    await wait(SETTLE_MS)
    const before = cpuMs(node.pid)
    await wait(measureMs)
    const share = (cpuMs(node.pid) - before) / measureMs
    rows.push({ 'swarm of': size, 'CPU of a core %': round(100 * share) })
  }
  return {
    title: `CPU of an idle node over ${measureMs / 1_000} s`,
    rows,
    notes: [
      'From /proc, all threads: other load on the machine hardly matters. The other hosts share one process.',
      'Goals: 0.2 % in a swarm of 7, 0.4 % in one of 50.',
    ],
  }
}

import { startPeer } from './peer-process.ts'
import { type Report, round } from './report.ts'
import { residentKib } from './resident.ts'
import { CONNECTIONS, streamedLoad, TOKENS } from './streamed-load.ts'

const FIRST = 7_000

/** Memory of a gateway after many small requests, and after many times more. */
export async function leak(quick: boolean): Promise<Report> {
  const steps = quick ? [FIRST, 2 * FIRST] : [FIRST, 2 * FIRST, 5 * FIRST, 10 * FIRST]
  await using node = await startPeer({ kind: 'node', engine: 'scripted' })
  await using gateway = await startPeer({ kind: 'gateway', bootstrap: node.addresses })
  const target = { url: gateway.addresses[0] ?? '' }
  const rows: Record<string, string | number>[] = []
  let done = 0
  let first = 0
  for (const upTo of steps) {
    await streamedLoad(target, upTo - done)
    done = upTo
    const kib = residentKib(gateway.pid)
    first ||= kib
    rows.push({ requests: upTo, 'RSS MiB': round(kib / 1024), ratio: round(kib / first) })
  }
  return {
    title: `a gateway's resident memory after streamed answers of ${TOKENS} tokens, ${CONNECTIONS} at a time`,
    rows,
    notes: ['Goals: a ratio of 1.1 at most, and 200 MiB.'],
  }
}

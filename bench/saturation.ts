import { startOtherGateway } from './other-gateway.ts'
import { startPeer } from './peer-process.ts'
import { percentile, type Report, round } from './report.ts'
import { residentKib } from './resident.ts'
import type { LoadTarget } from './stream-request.ts'
import { CONNECTIONS, streamedLoad, TOKENS, warmUpOf } from './streamed-load.ts'

const TURNS = 5

interface Target extends LoadTarget {
  readonly name: string
  /** The process whose memory is reported. Absent for the engine itself. */
  readonly pid?: number
}

/** What one path did so far. */
interface Load {
  readonly target: Target
  /** RSS after the warm-up, in MiB. */
  readonly memory: number | undefined
  readonly taken: number[]
  ms: number
}

/** Throughput of streamed answers from an engine without cost. */
export async function saturation(quick: boolean): Promise<Report> {
  const count = quick ? 1_000 : 15_000
  const warmUp = warmUpOf(quick)
  await using engine = await startPeer({ kind: 'engine' })
  const [engineUrl = ''] = engine.addresses
  await using node = await startPeer({ kind: 'node', engine: { url: engineUrl, slots: 256 } })
  await using ours = await startPeer({ kind: 'gateway', bootstrap: node.addresses })
  await using other = await startOtherGateway()
  const targets: Target[] = [
    { name: 'engine directly', url: engineUrl },
    {
      name: 'Skein gateway, node and engine',
      url: ours.addresses[0] ?? '',
      pid: ours.pid,
    },
  ]
  if (other !== undefined) {
    const headers = other.headers(engineUrl)
    targets.push({ name: '@portkey-ai/gateway and engine', url: other.url, headers })
  }
  const loads: Load[] = []
  for (const target of targets) {
    await streamedLoad(target, warmUp)
    loads.push({ target, memory: memoryOf(target), taken: [], ms: 0 })
  }
  // In turn: a shared machine is faster in one minute than in the next.
  for (let turn = 0; turn < TURNS; turn += 1) {
    for (const load of loads) {
      const startedAt = performance.now()
      load.taken.push(...(await streamedLoad(load.target, count / TURNS)))
      load.ms += performance.now() - startedAt
    }
  }
  const rows = loads.map(({ target, memory, taken, ms }) => ({
    path: target.name,
    'requests/s': round(count / (ms / 1_000)),
    'p99 ms': round(percentile(taken, 0.99)),
    'RSS before MiB': memory ?? '',
    'RSS after MiB': memoryOf(target) ?? '',
  }))
  return {
    title: `streamed answers of ${TOKENS} tokens over ${CONNECTIONS} connections, ${count} of them in ${TURNS} turns`,
    rows,
    notes: [
      'All processes, including the caller, share the machine: a path with more processes has less CPU for each.',
      'The node grants its only client more than the default of 200 requests a second.',
      `RSS is that of the gateway alone, from the sources, after ${warmUp} requests and after the rest.`,
    ],
  }
}

function memoryOf({ pid }: Target): number | undefined {
  return pid === undefined ? undefined : round(residentKib(pid) / 1_024)
}

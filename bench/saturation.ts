import { startOtherGateway } from './other-gateway.ts'
import { startPeer } from './peer-process.ts'
import { percentile, type Report, round } from './report.ts'
import { residentKib } from './resident.ts'
import type { LoadTarget } from './stream-request.ts'
import { CONNECTIONS, streamedLoad, TOKENS } from './streamed-load.ts'

/** Requests after which V8 has compiled most of what one runs. */
const WARM_UP = 8_000
const QUICK_WARM_UP = 1_000

interface Target extends LoadTarget {
  readonly name: string
  /** The process whose memory is reported. Absent for the engine itself. */
  readonly pid?: number
}

/** Throughput of streamed answers from an engine without cost. */
export async function saturation(quick: boolean): Promise<Report> {
  const count = quick ? 1_000 : 6_000
  const warmUp = quick ? QUICK_WARM_UP : WARM_UP
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
  const rows: Record<string, string | number>[] = []
  for (const target of targets) {
    await streamedLoad(target, warmUp)
    const before = memoryOf(target)
    const startedAt = performance.now()
    const taken = await streamedLoad(target, count)
    const perSecond = count / ((performance.now() - startedAt) / 1_000)
    rows.push({
      path: target.name,
      'requests/s': round(perSecond),
      'p99 ms': round(percentile(taken, 0.99)),
      'RSS before MiB': before ?? '',
      'RSS after MiB': memoryOf(target) ?? '',
    })
  }
  return {
    title: `streamed answers of ${TOKENS} tokens over ${CONNECTIONS} connections, ${count} of them`,
    rows,
    notes: [
      'All processes, including the caller, share the machine: a path with more processes has less CPU for each.',
      'The node grants its only client more than the default of 200 requests a second.',
      `RSS is that of the gateway alone, after ${warmUp} requests and after the rest.`,
    ],
  }
}

function memoryOf({ pid }: Target): number | undefined {
  return pid === undefined ? undefined : round(residentKib(pid) / 1_024)
}

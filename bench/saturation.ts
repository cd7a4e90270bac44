import { startOtherGateway } from './other-gateway.ts'
import { startPeer } from './peer-process.ts'
import { percentile, type Report, round } from './report.ts'
import { residentKib } from './resident.ts'

const CONNECTIONS = 64
const TOKENS = 8
const WARM_UP = 1_000

interface Target {
  readonly name: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** The process whose memory is reported. Absent for the engine itself. */
  readonly pid?: number
}

/** Throughput of streamed answers from an engine without cost. */
export async function saturation(quick: boolean): Promise<Report> {
  const count = quick ? 1_000 : 6_000
  await using engine = await startPeer({ kind: 'engine' })
  const [engineUrl = ''] = engine.addresses
  await using node = await startPeer({ kind: 'node', engine: { url: engineUrl, slots: 256 } })
  await using ours = await startPeer({ kind: 'gateway', bootstrap: node.addresses })
  await using other = await startOtherGateway()
  const targets: Target[] = [
    { name: 'engine directly', url: engineUrl, headers: {} },
    {
      name: 'Skein gateway, node and engine',
      url: ours.addresses[0] ?? '',
      headers: {},
      pid: ours.pid,
    },
  ]
  if (other !== undefined) {
    const headers = other.headers(engineUrl)
    targets.push({ name: '@portkey-ai/gateway and engine', url: other.url, headers })
  }
  const rows: Record<string, string | number>[] = []
  for (const target of targets) {
    await load(target, WARM_UP)
    const before = memoryOf(target)
    const { perSecond, p99Ms } = await load(target, count)
    rows.push({
      path: target.name,
      'requests/s': round(perSecond),
      'p99 ms': round(p99Ms),
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
      'RSS is that of the gateway alone, after 1,000 requests and after the rest.',
    ],
  }
}

async function load(
  target: Target,
  count: number,
): Promise<{ readonly perSecond: number; readonly p99Ms: number }> {
  const taken: number[] = []
  let left = count
  const startedAt = performance.now()
  const work = async (): Promise<void> => {
    while (left > 0) {
      left -= 1
      const begin = performance.now()
      await askOnce(target)
      taken.push(performance.now() - begin)
    }
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, work))
  const seconds = (performance.now() - startedAt) / 1_000
  return { perSecond: count / seconds, p99Ms: percentile(taken, 0.99) }
}

async function askOnce({ url, headers }: Target): Promise<void> {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer none', ...headers },
    body: JSON.stringify({
      model: 'scripted',
      messages: [{ role: 'user', content: 'Count from 1 to 40.' }],
      max_tokens: TOKENS,
      temperature: 0,
      stream: true,
    }),
    signal: AbortSignal.timeout(60_000),
  })
  const body = await response.text()
  const isWhole = response.ok && body.includes('[DONE]')
  if (!isWhole) throw new Error(`${url}: ${response.status} ${body}`)
}

function memoryOf({ pid }: Target): number | undefined {
  return pid === undefined ? undefined : round(residentKib(pid) / 1_024)
}

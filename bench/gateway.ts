import { setTimeout as wait } from 'node:timers/promises'
import { createParser } from 'eventsource-parser'
import { startOtherGateway } from './other-gateway.ts'
import { startPeer } from './peer-process.ts'
import { percentile, type Report, round } from './report.ts'
import { type LoadTarget, requestStream } from './stream-request.ts'

/** Engine time of an answer: like a small model on a fast machine. */
const ENGINE = { prefillMs: 40, paceMs: 20 } as const
const TOKENS = 30
/** How long the engine takes for one. */
const ANSWER_MS = ENGINE.prefillMs + (TOKENS - 1) * ENGINE.paceMs
const CONCURRENCY = [1, 16, 64] as const
/** Warm-up, so that no process is measured while it compiles. */
const WARM_UP = 400

interface Target extends LoadTarget {
  readonly name: string
}

interface Timing {
  readonly ttftMs: number
  readonly perTokenMs: number
}

/** Latency that the gateway adds to an engine called directly, compared with another gateway in front of it, alternating. */
export async function gateway(quick: boolean): Promise<Report> {
  await using engine = await startPeer({ kind: 'engine', ...ENGINE })
  const [engineUrl = ''] = engine.addresses
  await using node = await startPeer({ kind: 'node', engine: { url: engineUrl, slots: 128 } })
  await using ours = await startPeer({ kind: 'gateway', bootstrap: node.addresses })
  await using other = await startOtherGateway()
  const direct: Target = { name: 'engine directly', url: engineUrl }
  const targets: Target[] = [
    direct,
    { name: 'Skein gateway, node and engine', url: ours.addresses[0] ?? '' },
  ]
  if (other !== undefined) {
    const headers = other.headers(engineUrl)
    targets.push({ name: '@portkey-ai/gateway and engine', url: other.url, headers })
  }
  for (const target of targets) await rounds(target, 64, quick ? 128 : WARM_UP)
  const rows: Record<string, string | number>[] = []
  for (const concurrency of CONCURRENCY) {
    const count = Math.max(concurrency * 4, quick ? 12 : 40)
    const taken = new Map<Target, Timing[]>(targets.map((target) => [target, []]))
    for (let turn = 0; turn < (quick ? 1 : 2); turn++) {
      for (const [target, timings] of taken) {
        timings.push(...(await rounds(target, concurrency, count)))
      }
    }
    const base = taken.get(direct) ?? []
    for (const [{ name }, timings] of taken) rows.push(row(concurrency, name, timings, base))
  }
  return {
    title: `what a gateway adds, streams at once, ${TOKENS} tokens each, ${ENGINE.paceMs} ms apart`,
    rows,
    notes: [
      'Engine, node, gateways and caller are separate processes on one machine.',
      'Goal: below the other gateway at every level, and at most 10 ms added at p99 with 64 streams.',
      ...(other === undefined ? ['The other gateway could not be fetched.'] : []),
    ],
  }
}

function row(
  concurrency: number,
  path: string,
  timings: readonly Timing[],
  base: readonly Timing[],
): Record<string, string | number> {
  const ttft = (of: readonly Timing[], p: number): number =>
    percentile(
      of.map(({ ttftMs }) => ttftMs),
      p,
    )
  const token = (of: readonly Timing[]): number =>
    percentile(
      of.map(({ perTokenMs }) => perTokenMs),
      0.5,
    )
  const added = (value: number, direct: number): number | string =>
    timings === base ? '' : round(value - direct)
  return {
    streams: concurrency,
    path,
    'TTFT p50 ms': round(ttft(timings, 0.5)),
    'TTFT p99 ms': round(ttft(timings, 0.99)),
    'added p50 ms': added(ttft(timings, 0.5), ttft(base, 0.5)),
    'added p99 ms': added(ttft(timings, 0.99), ttft(base, 0.99)),
    'ms/token': round(token(timings)),
    'added ms/token': added(token(timings), token(base)),
  }
}

/** So many requests in all, so many at once. They begin one after the other, as requests of different callers do. */
async function rounds(target: Target, concurrency: number, count: number): Promise<Timing[]> {
  const timings: Timing[] = []
  let left = count
  const work = async (worker: number): Promise<void> => {
    await wait((worker * ANSWER_MS) / concurrency)
    while (left > 0) {
      left -= 1
      timings.push(await timeOf(target))
    }
  }
  await Promise.all(Array.from({ length: concurrency }, (_, worker) => work(worker)))
  return timings
}

async function timeOf(target: Target): Promise<Timing> {
  const begin = performance.now()
  const response = await requestStream(target, TOKENS)
  if (!response.ok || response.body === null) {
    throw new Error(`${target.url}: ${response.status} ${await response.text()}`)
  }
  let first: number | undefined
  let last = begin
  let pieces = 0
  const parser = createParser({
    onEvent: ({ data }) => {
      if (!data.includes('"content":"') || data.includes('"content":""')) return
      last = performance.now()
      first ??= last
      pieces += 1
    },
  })
  for await (const text of response.body.pipeThrough(new TextDecoderStream())) parser.feed(text)
  if (first === undefined || pieces < 2) throw new Error(`${target.url}: no answer`)
  return { ttftMs: first - begin, perTokenMs: (last - first) / (pieces - 1) }
}

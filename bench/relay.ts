import { setTimeout as wait } from 'node:timers/promises'
import { type Client, createClient, type RequestEvent } from '../client/index.ts'
import { cpuMs } from './cpu-time.ts'
import { type PeerProcess, startPeer } from './peer-process.ts'
import { percentile, printRow, type Report, round } from './report.ts'
import { residentKib } from './resident.ts'
import { TIMED_MODEL } from './timed-engine.ts'

/** As many streams run at once. They share processes by tens. */
const NODES = 100
const QUICK_NODES = 20
const NODES_OF_PROCESS = 10
/** A relay lets one peer open 16 connections. */
const CLIENTS = 10
const TOKENS = 100
const PACE_MS = 100
/** Joining, and the first round of each periodic task. */
const SETTLE_MS = 30_000
const STRANGERS = 8
/** Of ten nodes in one process, on a busy machine. */
const START_TIMEOUT_MS = 300_000

type Row = Readonly<Record<string, string | number>>

/** A small relay: what it takes for nodes behind NATs, what it adds to each token, and what strangers can do with it. */
export async function relay(quick: boolean): Promise<Report> {
  const nodes = quick ? QUICK_NODES : NODES
  const rows: Row[] = []
  const add = (row: Row): void => {
    rows.push(row)
    printRow(row)
  }
  add(await hop(quick))
  await drained(quick, add)
  await load(nodes, quick, add)
  return {
    title: `one relay with ${nodes} nodes that are reached through it only, all on this machine`,
    rows,
    notes: [
      `${nodes} streams: answers of ${TOKENS} tokens at ${1_000 / PACE_MS} a second, asked by ${CLIENTS} clients at once. CPU from /proc, of the relay's process alone.`,
      'Added by a hop: time to the only token of an answer through the relay, less that of a direct one, halved; the least of many, then the median. Goal: 1 ms.',
      `Strangers: ${STRANGERS} peers send through a node that relays as fast as it lets them, while it answers at full speed. Its own answers do not draw on the relay's budget; what they share is the CPU.`,
    ],
  }
}

async function load(nodes: number, quick: boolean, add: (row: Row) => void): Promise<void> {
  await using stack = new AsyncDisposableStack()
  const peer = stack.use(await startPeer({ kind: 'bootstrap' }))
  const bootstrap = peer.addresses
  await wait(quick ? 5_000 : SETTLE_MS)
  add({ what: 'alone, at rest', ...(await atRest(peer, quick)) })
  const engine = { type: 'plain', slots: 4, paceMs: PACE_MS, prefillMs: 0 } as const
  const count = NODES_OF_PROCESS
  const task = { kind: 'nodes', reach: 'hidden', count, engine, bootstrap } as const
  await Promise.all(
    Array.from({ length: nodes / count }, async () =>
      stack.use(await startPeer(task, START_TIMEOUT_MS)),
    ),
  )
  await wait(quick ? 10_000 : SETTLE_MS)
  add({ what: `${nodes} nodes, at rest`, ...(await atRest(peer, quick)) })
  const clients = await Promise.all(
    Array.from({ length: CLIENTS }, async () =>
      stack.adopt(await createClient({ bootstrap }), (client) => client.close()),
    ),
  )
  const events: RequestEvent[] = []
  for (const client of clients) client.observe((event) => void events.push(event))
  const before = { cpu: cpuMs(peer.pid), atMs: performance.now() }
  const streams = Promise.allSettled(
    Array.from({ length: nodes }, (_, index) => tokensOf(clients[index % CLIENTS], TOKENS)),
  )
  await wait((TOKENS * PACE_MS) / 2)
  const mib = residentKib(peer.pid) / 1_024
  const results = await streams
  const seconds = (performance.now() - before.atMs) / 1_000
  const cpu = cpuMs(peer.pid) - before.cpu
  const tokens = results.reduce((sum, one) => sum + (one.status === 'fulfilled' ? one.value : 0), 0)
  const relayed = events.filter(({ attempts }) => attempts.at(-1)?.relay !== undefined).length
  const bytes = events
    .flatMap(({ attempts }) => attempts)
    .reduce((sum, one) => sum + (one.relayedBytes ?? 0), 0)
  const failed = results.filter(({ status }) => status === 'rejected').length
  add({
    what: `${nodes} streams (${relayed} relayed, ${failed} failed)`,
    'RSS MiB': round(mib),
    'CPU of a core %': round(cpu / seconds / 10),
    'CPU ms/token': round(cpu / tokens),
    'bytes/token': round(bytes / tokens),
  })
}

async function atRest({ pid }: PeerProcess, quick: boolean): Promise<Row> {
  const ms = quick ? 20_000 : 60_000
  const before = cpuMs(pid)
  await wait(ms)
  return {
    'RSS MiB': round(residentKib(pid) / 1_024),
    'CPU of a core %': round((100 * (cpuMs(pid) - before)) / ms),
  }
}

/** Two nodes that answer at once, one of them reached through the relay; asked in turn. */
async function hop(quick: boolean): Promise<Row> {
  await using peer = await startPeer({ kind: 'bootstrap' })
  const engine = { type: 'plain', slots: 4, paceMs: 0, prefillMs: 0 } as const
  const common = { kind: 'nodes', count: 1, engine, bootstrap: peer.addresses } as const
  const samples = quick ? 100 : 400
  const timed = async (reach: 'hidden' | undefined): Promise<{ ms: number[]; cpu: number }> => {
    await using _node = await startPeer({ ...common, ...(reach !== undefined && { reach }) })
    await using client = await createClient({ bootstrap: peer.addresses })
    for (let index = 0; index < 50; index += 1) await tokensOf(client, 1)
    const before = cpuMs(peer.pid)
    const ms: number[] = []
    for (let index = 0; index < samples; index += 1) {
      const begin = performance.now()
      await tokensOf(client, 1)
      ms.push(performance.now() - begin)
    }
    return { ms, cpu: (cpuMs(peer.pid) - before) / samples }
  }
  const direct = await timed(undefined)
  const relayed = await timed('hidden')
  const added = (p: number): number =>
    round((percentile(relayed.ms, p) - percentile(direct.ms, p)) / 2)
  return {
    what: 'a hop of an answer of one token',
    'added ms, least': added(0),
    'added ms p50': added(0.5),
    'times as long': round(percentile(relayed.ms, 0.5) / percentile(direct.ms, 0.5)),
    'CPU ms/request': round(relayed.cpu - direct.cpu),
  }
}

/** The answers of a node that relays, alone and beside strangers who use up its budget. */
async function drained(quick: boolean, add: (row: Row) => void): Promise<void> {
  const engine = { type: 'plain', slots: 4, paceMs: 20, prefillMs: 0 } as const
  await using node = await startPeer({
    kind: 'nodes',
    reach: 'relays',
    count: 1,
    engine,
    bootstrap: [],
  })
  const [address = ''] = node.addresses
  await using client = await createClient({ bootstrap: [address] })
  const answers = quick ? 5 : 20
  const measure = async (what: string): Promise<Row> => {
    await tokensOf(client, 10)
    const gaps: number[] = []
    const before = { cpu: cpuMs(node.pid), atMs: performance.now() }
    for (let index = 0; index < answers; index += 1)
      await tokensOf(client, TOKENS, (gap) => void gaps.push(gap))
    const seconds = (performance.now() - before.atMs) / 1_000
    return {
      what,
      'gap ms p50': round(percentile(gaps, 0.5)),
      'gap ms p99': round(percentile(gaps, 0.99)),
      'CPU of a core %': round((cpuMs(node.pid) - before.cpu) / seconds / 10),
    }
  }
  add(await measure('a node that relays: its own answers, 50 tokens a second'))
  await using _flood = await startPeer({ kind: 'flood', relay: address, count: STRANGERS })
  add(await measure(`the same, with ${STRANGERS} strangers at its budget`))
}

/** @param onGap called with the milliseconds between two pieces @returns pieces of the answer */
async function tokensOf(
  client: Client | undefined,
  tokens: number,
  onGap: (ms: number) => void = () => {},
): Promise<number> {
  if (client === undefined) throw new Error('no client')
  const messages = [{ role: 'user', content: 'Count from 1 to 400.' }] as const
  let pieces = 0
  let lastMs: number | undefined
  for await (const { choices } of client.chat({
    model: TIMED_MODEL,
    messages,
    max_tokens: tokens,
    stream: true,
  })) {
    if (!choices[0]?.delta.content) continue
    const nowMs = performance.now()
    if (lastMs !== undefined) onGap(nowMs - lastMs)
    lastMs = nowMs
    pieces += 1
  }
  return pieces
}

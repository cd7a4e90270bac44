import { setTimeout as wait } from 'node:timers/promises'
import { type Client, createClient } from '../client/index.ts'
import { createInternet } from '../testing/internet/index.ts'
import { type Peer, startPeer as startMachinePeer } from '../testing/reach/peer.ts'
import { cpuMs } from './cpu-time.ts'
import { startPeer } from './peer-process.ts'
import { percentile, printRow, type Report, round } from './report.ts'
import { TIMED_MODEL } from './timed-engine.ts'

/** As many streams run at once. They share processes by tens. */
const NODES = 100
const QUICK_NODES = 20
const NODES_OF_PROCESS = 10
const PORT = 4801
const MIB = 1024 ** 2
/** Some hundred tokens. */
const QUESTION = 'Count from 1 to 50.'
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
  const failures = await load(nodes, quick, add)
  return {
    title: `one relay with ${nodes} nodes that are reached through it only, in namespaces of this machine`,
    rows,
    notes: [
      `${nodes} streams: answers of ${TOKENS} tokens at ${1_000 / PACE_MS} a second, asked by ${CLIENTS} clients at once. CPU and memory of the relay's process alone. Ten nodes share a process and a router with a symmetric NAT.`,
      'Added by a hop: time to the only token of an answer through the relay, less that of a direct one, halved; the least of many, then the median. Goal: 1 ms.',
      `Strangers: ${STRANGERS} peers send through a node that relays as fast as it lets them, while it answers at full speed. Its own answers do not draw on the relay's budget; what they share is the CPU.`,
      ...failures,
    ],
  }
}

/** Nodes in homes of ten, each behind a router of its own, asked by clients elsewhere. @returns why streams failed */
async function load(
  nodes: number,
  quick: boolean,
  add: (row: Row) => void,
): Promise<readonly string[]> {
  await using stack = new AsyncDisposableStack()
  const internet = stack.use(await createInternet())
  const machine = await internet.host({ ip4: '45.1.0.1' })
  const relay = await startMachinePeer(machine, {
    role: 'bootstrap',
    host: { listen: [`/ip4/0.0.0.0/tcp/${PORT}`] },
  })
  const bootstrap = [`/ip4/${machine.ip4}/tcp/${PORT}/p2p/${relay.peerId}`]
  await wait(quick ? 5_000 : SETTLE_MS)
  add({ what: 'alone, at rest', ...(await atRest(relay, quick)) })
  const engine = { type: 'plain', slots: 4, paceMs: PACE_MS, prefillMs: 0 } as const
  const count = NODES_OF_PROCESS
  const task = { kind: 'nodes', reach: 'hidden', count, engine, bootstrap } as const
  await Promise.all(
    Array.from({ length: nodes / count }, async (_, index) => {
      const home = await internet.router({ kind: 'symmetric', ip4: `46.${index}.0.1` })
      const { launch } = await home.host()
      stack.use(await startPeer(task, START_TIMEOUT_MS, launch))
    }),
  )
  await wait(quick ? 10_000 : SETTLE_MS)
  add({ what: `${nodes} nodes, at rest`, ...(await atRest(relay, quick)) })
  const clients = await Promise.all(
    Array.from({ length: CLIENTS }, async (_, index) =>
      startMachinePeer(await internet.host({ ip4: `47.${index}.0.1` }), {
        role: 'client',
        host: { bootstrap, listen: [] },
      }),
    ),
  )
  for (const client of clients)
    await client.until('joined', ({ connections }) => connections.length > 0)
  const before = { ...(await relay.state()), atMs: performance.now() }
  const streams = Promise.all(
    Array.from({ length: nodes }, (_, index) =>
      (clients[index % CLIENTS] as Peer).ask(TIMED_MODEL, QUESTION),
    ),
  )
  await wait((TOKENS * PACE_MS) / 2)
  const { memoryBytes } = await relay.state()
  const answers = await streams
  const seconds = (performance.now() - before.atMs) / 1_000
  const cpu = ((await relay.state()).cpuMicroseconds - before.cpuMicroseconds) / 1_000
  const records = answers.flatMap(({ record }) => record ?? [])
  const attempts = records.flatMap((record) => record.attempts)
  const tokens = total(records.map(({ usage }) => usage?.completionTokens ?? 0))
  const relayed = records.filter((record) => record.attempts.at(-1)?.relay !== undefined).length
  const errors = answers.flatMap(({ error }) => error ?? [])
  add({
    what: `${nodes} streams (${relayed} relayed, ${errors.length} failed)`,
    'RSS MiB': round(memoryBytes / MIB),
    'CPU of a core %': round(cpu / seconds / 10),
    'CPU ms/token': round(cpu / tokens),
    'bytes/token': round(total(attempts.map(({ relayedBytes = 0 }) => relayedBytes)) / tokens),
  })
  const reasons = Map.groupBy(errors, (error) => error)
  return [...reasons].map(([reason, { length }]) => `${length} failed: ${reason}`)
}

const total = (values: readonly number[]): number => values.reduce((sum, one) => sum + one, 0)

async function atRest(peer: Peer, quick: boolean): Promise<Row> {
  const ms = quick ? 20_000 : 60_000
  const before = await peer.state()
  await wait(ms)
  const { cpuMicroseconds, memoryBytes } = await peer.state()
  return {
    'RSS MiB': round(memoryBytes / MIB),
    'CPU of a core %': round((cpuMicroseconds - before.cpuMicroseconds) / 10 / ms),
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

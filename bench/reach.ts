import { createInternet, type Internet, type Machine } from '../testing/internet/index.ts'
import { type Peer, startPeer } from '../testing/reach/peer.ts'
import { percentile, type Report, round } from './report.ts'

const MODEL = 'counter'
const PROMPT = 'Count from 1 to 100.'
const LISTEN = { listen: ['/ip4/0.0.0.0/tcp/4801'] }

type Situation = 'public' | 'port-preserving NAT' | 'symmetric NAT' | 'same LAN'

const PAIRS: readonly (readonly [node: Situation, client: Situation])[] = [
  ['public', 'public'],
  ['public', 'symmetric NAT'],
  ['port-preserving NAT', 'public'],
  ['port-preserving NAT', 'port-preserving NAT'],
  ['symmetric NAT', 'symmetric NAT'],
  ['symmetric NAT', 'same LAN'],
]

/** Connections between peers for each pair of network situations, over namespaces without delay. Needs root on Linux. */
export async function reach(quick: boolean): Promise<Report> {
  const rows = []
  for (const [node, client] of PAIRS) rows.push(await measure(node, client, quick ? 1 : 5))
  return {
    title: 'a client asks a node, both with fresh data directories, one relay, no network delay',
    rows,
    notes: [
      'From nothing: the client is created, joins, finds the node and receives the first piece of an answer. Modules are already loaded.',
      'The engine writes at full speed: tokens a second is the throughput of the path.',
    ],
  }
}

async function measure(
  nodeAt: Situation,
  clientAt: Situation,
  runs: number,
): Promise<Readonly<Record<string, string | number>>> {
  await using internet = await createInternet()
  const relayMachine = await internet.host({ ip4: '45.1.0.1' })
  const relay = await startPeer(relayMachine, { role: 'bootstrap', host: LISTEN })
  const bootstrap = [`/ip4/45.1.0.1/tcp/4801/p2p/${relay.peerId}`]
  const place = await machineAt(internet, nodeAt)
  const engine = { model: MODEL, slots: 4, paceMs: 0 }
  const host = { ...LISTEN, bootstrap }
  const node = await startPeer(place.machine, { role: 'node', engine, host })
  const reachable = ({ addresses, relaying }: Awaited<ReturnType<Peer['state']>>): boolean =>
    nodeAt === 'public' ? addresses.length > 0 : relaying.held.length > 0
  await node.until('reachable', reachable)
  const from =
    clientAt === 'same LAN'
      ? await place.neighbour()
      : (await machineAt(internet, clientAt)).machine
  const firstMs: number[] = []
  const rates: number[] = []
  let path = ''
  for (let run = 0; run < runs; run += 1) {
    const client = await startPeer(from, { role: 'client', host: { bootstrap } })
    const cold = await client.ask(MODEL, PROMPT)
    if (cold.error !== undefined) throw new Error(cold.error)
    firstMs.push(cold.sinceStartMs ?? Number.NaN)
    const { record } = await client.ask(MODEL, PROMPT)
    const tokens = record?.usage?.completionTokens ?? 0
    rates.push((tokens / ((record?.durationMs ?? 0) - (record?.ttftMs ?? 0))) * 1_000)
    const { connections } = await client.state()
    const direct = connections.some((at) => at.endsWith(node.peerId) && !at.includes('p2p-circuit'))
    path = direct ? 'direct' : 'relay'
    await client.kill()
  }
  return {
    node: nodeAt,
    client: clientAt,
    path,
    'from nothing ms p50': round(percentile(firstMs, 0.5)),
    'max ms': round(Math.max(...firstMs)),
    'tokens/s': round(percentile(rates, 0.5)),
  }
}

interface Place {
  readonly machine: Machine
  /** Another machine in the same LAN. */
  neighbour(): Promise<Machine>
}

async function machineAt(internet: Internet, at: Situation): Promise<Place> {
  if (at === 'public') {
    const machine = await internet.host()
    return { machine, neighbour: () => internet.host() }
  }
  const kind = at === 'port-preserving NAT' ? 'port-preserving' : 'symmetric'
  const router = await internet.router({ kind })
  return { machine: await router.host(), neighbour: () => router.host() }
}

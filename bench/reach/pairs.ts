import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AttemptRecord } from '../../protocol/index.ts'
import {
  createInternet,
  type Internet,
  lengthenLine,
  limitRate,
  type Machine,
  type Router,
} from '../../testing/internet/index.ts'
import { filterLikeFirewall } from '../../testing/reach/changes.ts'
import { type Peer, startPeer } from '../../testing/reach/peer.ts'
import { LISTEN, MODEL } from '../../testing/reach/scene.ts'
import { percentile, round } from '../report.ts'

const QUESTION = 'Count from 1 to 20.'
/** Some 4,000 tokens. */
const LONG_QUESTION = 'Count from 1 to 2000.'
const PORT = 4801
const ANYWHERE = ['/ip4/0.0.0.0/tcp/4801', '/ip6/::/tcp/4801']
const RELAYS = [
  { ip4: '45.1.0.1', ip6: '2a0e:45:1::1' },
  { ip4: '45.2.0.1', ip6: '2a0e:45:2::1' },
]

/** Where a peer is, and how it is started there. */
interface Place {
  readonly machine: Machine
  readonly listen?: readonly string[]
  readonly announce?: readonly string[]
  /** The router that its traffic passes. */
  readonly home?: Router
}

interface World {
  readonly internet: Internet
  readonly relays: readonly Machine[]
}

export interface Pair {
  readonly node: string
  readonly client: string
  readonly place: (world: World) => Promise<{ readonly node: Place; readonly client: Place }>
  /** Whether peers ask the relays over IPv6. @default false */
  readonly over6?: boolean
  /** Whether a direct path by WebRTC is to open after the first answer; without it all peers have WebRTC off. @default false */
  readonly webrtc?: boolean
  readonly isGoal?: boolean
}

type NatKind = 'port-preserving' | 'symmetric'

const open = async ({ internet }: World): Promise<Place> => ({
  machine: await internet.host(),
  listen: ANYWHERE,
})

async function behind({ internet }: World, kind: NatKind): Promise<Place & { home: Router }> {
  const home = await internet.router({ kind })
  return { home, machine: await home.host() }
}

async function doubled(
  { internet }: World,
  kind: NatKind = 'symmetric',
): Promise<Place & { outer: Router }> {
  const outer = await internet.router({ kind: 'port-preserving' })
  const inner = await outer.router({ kind })
  return { outer, machine: await inner.host() }
}

/** A machine with IPv6, whose router lets only those in that were addressed first. */
async function firewalled({ internet }: World, ip6: string): Promise<Place> {
  const machine = await internet.host({ ip6 })
  await filterLikeFirewall(machine)
  return { machine, listen: ANYWHERE }
}

const nat =
  (node: NatKind, client: NatKind): Pair['place'] =>
  async (world) => ({ node: await behind(world, node), client: await behind(world, client) })

/** A client whose line to everything outside is 200 ms long, and loses one segment of a hundred. */
async function far(world: World, ends: readonly Machine[]): Promise<Place> {
  const client = await behind(world, 'symmetric')
  const targets = ends.map((machine) => ({ machine, port: PORT }))
  await lengthenLine(client.home, targets, { roundTripMs: 200, loss: 0.01 })
  return client
}

async function narrow(world: World): Promise<Place> {
  const client = await behind(world, 'symmetric')
  await limitRate(client.home, '1mbit')
  return client
}

export const PAIRS: readonly Pair[] = [
  {
    node: 'public',
    client: 'public',
    place: async (world) => ({ node: await open(world), client: await open(world) }),
  },
  {
    node: 'public, IPv6 only',
    client: 'public, IPv6 only',
    over6: true,
    place: async ({ internet }) => ({
      node: { machine: await internet.host({ ip6: '2a0e:46::1' }), listen: ANYWHERE },
      client: { machine: await internet.host({ ip6: '2a0e:47::1' }) },
    }),
  },
  {
    node: 'public',
    client: 'symmetric NAT',
    place: async (world) => ({
      node: await open(world),
      client: await behind(world, 'symmetric'),
    }),
  },
  {
    node: 'port-preserving NAT',
    client: 'public, listens',
    place: async (world) => ({
      node: await behind(world, 'port-preserving'),
      client: await open(world),
    }),
  },
  {
    node: 'port-preserving NAT',
    client: 'port-preserving NAT',
    place: nat('port-preserving', 'port-preserving'),
  },
  {
    node: 'port-preserving NAT',
    client: 'port-preserving NAT',
    webrtc: true,
    place: nat('port-preserving', 'port-preserving'),
  },
  {
    node: 'double NAT, both keep ports',
    client: 'port-preserving NAT',
    webrtc: true,
    place: async (world) => ({
      node: await doubled(world, 'port-preserving'),
      client: await behind(world, 'port-preserving'),
    }),
  },
  {
    node: 'firewall, IPv6 only',
    client: 'firewall, IPv6 only',
    over6: true,
    webrtc: true,
    place: async (world) => ({
      node: await firewalled(world, '2a0e:46::1'),
      client: { ...(await firewalled(world, '2a0e:47::1')), listen: [] },
    }),
  },
  {
    node: 'symmetric NAT',
    client: 'symmetric NAT',
    isGoal: true,
    place: nat('symmetric', 'symmetric'),
  },
  {
    node: 'double NAT',
    client: 'symmetric NAT',
    place: async (world) => ({
      node: await doubled(world),
      client: await behind(world, 'symmetric'),
    }),
  },
  {
    node: 'double NAT',
    client: "the outer router's LAN",
    place: async (world) => {
      const node = await doubled(world)
      return { node, client: { machine: await node.outer.host() } }
    },
  },
  {
    node: 'symmetric NAT',
    client: 'same LAN',
    place: async (world) => {
      const node = await behind(world, 'symmetric')
      return { node, client: { machine: await node.home.host() } }
    },
  },
  {
    node: 'forwarded port, hairpin',
    client: 'same LAN',
    place: async ({ internet }) => {
      const home = await internet.router({ kind: 'port-preserving', hairpin: true })
      const machine = await home.host()
      await home.forward(PORT, machine)
      const announce = [`/ip4/${home.ip4}/tcp/${PORT}`]
      return { node: { machine, announce }, client: { machine: await home.host() } }
    },
  },
  {
    node: 'public',
    client: '200 ms, 1 % loss',
    place: async (world) => {
      const node = await open(world)
      return { node, client: await far(world, [...world.relays, node.machine]) }
    },
  },
  {
    node: 'symmetric NAT',
    client: '200 ms, 1 % loss',
    place: async (world) => ({
      node: await behind(world, 'symmetric'),
      client: await far(world, world.relays),
    }),
  },
  {
    node: 'public',
    client: '1 Mbit/s',
    place: async (world) => ({ node: await open(world), client: await narrow(world) }),
  },
  {
    node: 'symmetric NAT',
    client: '1 Mbit/s',
    place: async (world) => ({
      node: await behind(world, 'symmetric'),
      client: await narrow(world),
    }),
  },
]

/** @param runs clients, one after the other, each with a data directory of its own */
export async function measurePair(
  pair: Pair,
  runs: number,
): Promise<Readonly<Record<string, string | number>>> {
  await using internet = await createInternet()
  const { webrtc = false } = pair
  const relays = await Promise.all(RELAYS.map((at) => internet.host(at)))
  const bootstrap = await Promise.all(
    relays.map(async (machine) => {
      const init = { role: 'bootstrap', host: { listen: ANYWHERE, webrtc } } as const
      const { peerId } = await startPeer(machine, init)
      const ip = pair.over6 === true ? `/ip6/${machine.ip6}` : `/ip4/${machine.ip4}`
      return `${ip}/tcp/${PORT}/p2p/${peerId}`
    }),
  )
  const places = await pair.place({ internet, relays })
  const { machine, listen = LISTEN.listen, announce = [] } = places.node
  const engine = { model: MODEL, slots: 4, paceMs: 0 }
  const host = { listen, announce, bootstrap, webrtc }
  const node = await startPeer(machine, { role: 'node', engine, host })
  await node.until(
    'reachable',
    ({ relaying, reachability: { status } }) =>
      relaying.held.length === relays.length || status === 'public' || status === 'forwarded',
  )
  const firstMs: number[] = []
  const rates: number[] = []
  const directMs: number[] = []
  let path = ''
  for (let run = 0; run < runs; run += 1) {
    const dataDir = await mkdtemp(join(tmpdir(), 'skein-reach-'))
    try {
      const { machine: from, listen: clientListen = [] } = places.client
      const client = await startPeer(from, {
        role: 'client',
        host: { bootstrap, dataDir, listen: clientListen, webrtc },
      })
      const cold = await asked(client, QUESTION)
      firstMs.push(cold.sinceStartMs ?? Number.NaN)
      if (webrtc) directMs.push(await opened(client))
      const { record } = await asked(client, LONG_QUESTION)
      const tokens = record?.usage?.completionTokens ?? 0
      rates.push((tokens / ((record?.durationMs ?? 0) - (record?.ttftMs ?? 0))) * 1_000)
      path = await pathTo(client, node, record?.attempts.at(-1))
      await client.kill()
    } finally {
      await rm(dataDir, { recursive: true, force: true })
    }
  }
  return {
    node: pair.node,
    client: pair.client,
    path,
    'from nothing ms p50': round(percentile(firstMs, 0.5)),
    'max ms': round(Math.max(...firstMs)),
    'tokens/s': round(percentile(rates, 0.5)),
    ...(webrtc && { 'direct after ms p50': round(percentile(directMs, 0.5)) }),
  }
}

/** Waits for the direct path. @returns milliseconds from the end of the first answer, by looks a tenth of a second apart */
async function opened(client: Peer): Promise<number> {
  const startedAt = performance.now()
  await client.until(
    'direct',
    ({ directPaths }) => directPaths.status === 'on' && directPaths.open === 1,
  )
  return performance.now() - startedAt
}

async function asked(client: Peer, question: string) {
  const answer = await client.ask(MODEL, question)
  if (answer.error !== undefined) throw new Error(answer.error)
  return answer
}

/** How the client is connected to the node. */
async function pathTo(
  client: Peer,
  node: Peer,
  attempt: Pick<AttemptRecord, 'path' | 'relay'> | undefined,
): Promise<string> {
  if (attempt?.relay !== undefined) return 'relay'
  if (attempt?.path === 'webrtc') return 'relay, then direct by WebRTC'
  const { connections } = await client.state()
  const direct = connections.find((at) => at.endsWith(node.peerId) && !at.includes('p2p-circuit'))
  const [, version, ip = '', , port] = direct?.split('/') ?? []
  if (ip.startsWith('192.168.')) return 'direct, LAN'
  if (port !== String(PORT)) return 'direct, the node dialled'
  return version === 'ip6' ? 'direct, IPv6' : 'direct'
}

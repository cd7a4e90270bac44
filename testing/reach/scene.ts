import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInternet, type Internet, type Machine, type Router } from '../internet/index.ts'
import { type Peer, startPeer } from './peer.ts'

/** Where peers of a scene listen. */
export const LISTEN: { readonly listen: readonly string[] } = { listen: ['/ip4/0.0.0.0/tcp/4801'] }
export const MODEL = 'counter'
export const PROMPT = 'Count from 1 to 100.'
/** The whole answer. */
export const COUNT: string = `${Array.from({ length: 100 }, (_, index) => index + 1).join(', ')}.`

/** A bootstrap peer, which relays. */
export interface Relay {
  readonly peer: Peer
  readonly address: string
  /** After it was killed: the same peer, at the same address. */
  readonly restart: () => Promise<Peer>
}

/** Peers on an Internet of their own, which ends with the scene. */
export interface Scene extends AsyncDisposable {
  readonly internet: Internet
  relay(ip4: string): Promise<Relay>
  /** A node and a client, each behind a symmetric NAT, that reach each other through the relays only. */
  pairBehindNats(relays: readonly Relay[], paceMs?: number): Promise<Pair>
}

export interface Pair {
  readonly node: Peer
  readonly client: Peer
  /** The node's. */
  readonly machine: Machine
  readonly nodeHome: Router
  readonly clientHome: Router
}

export async function createScene(): Promise<Scene> {
  const internet = await createInternet()
  const directories: string[] = []
  return {
    internet,
    async relay(ip4) {
      const machine = await internet.host({ ip4 })
      const dataDir = await mkdtemp(join(tmpdir(), 'skein-relay-'))
      directories.push(dataDir)
      const start = (): Promise<Peer> =>
        startPeer(machine, { role: 'bootstrap', host: { ...LISTEN, dataDir } })
      const peer = await start()
      return { peer, address: `/ip4/${ip4}/tcp/4801/p2p/${peer.peerId}`, restart: start }
    },
    async pairBehindNats(relays, paceMs = 20) {
      const bootstrap = relays.map(({ address }) => address)
      const left = await internet.router({ kind: 'symmetric' })
      const right = await internet.router({ kind: 'symmetric' })
      const machine = await left.host()
      const node = await startPeer(machine, {
        role: 'node',
        engine: { model: MODEL, slots: 4, paceMs },
        host: { ...LISTEN, bootstrap },
      })
      await node.until('reserved', ({ relaying }) => relaying.held.length === relays.length)
      const client = await startPeer(await right.host(), { role: 'client', host: { bootstrap } })
      await client.until('joined', ({ connections }) =>
        relays.every(({ peer }) => connections.some((at) => at.endsWith(peer.peerId))),
      )
      return { node, client, machine, nodeHome: left, clientHome: right }
    },
    async [Symbol.asyncDispose]() {
      // First the processes, which write into the directories.
      await internet[Symbol.asyncDispose]()
      for (const directory of directories) await rm(directory, { recursive: true, force: true })
    },
  }
}

/** The relay that passes most bytes on now. */
export async function busiest(relays: readonly Relay[]): Promise<Peer | undefined> {
  const bytes = async (): Promise<number[]> =>
    await Promise.all(relays.map(async ({ peer }) => (await peer.state()).relaying.use?.bytes ?? 0))
  const before = await bytes()
  for (;;) {
    const moved = (await bytes()).map((now, index) => now - (before[index] ?? 0))
    const most = Math.max(...moved)
    if (most > 2_000) return relays[moved.indexOf(most)]?.peer
  }
}

import type { RequesterInit } from '../client/pipeline/settings.ts'
import { knows, type SwarmClient, startClient } from '../testing/swarms/chaos-swarm.ts'
import { type PeerProcess, startPeer, type TimedEngine } from './peer-process.ts'
/** Nodes with timed engines in processes of their own around an introducer, and clients in this one. */
export class BenchSwarm implements AsyncDisposable {
  readonly #introducer: PeerProcess
  readonly #processes = new Set<PeerProcess>()
  readonly #clients: SwarmClient[] = []

  private constructor(introducer: PeerProcess) {
    this.#introducer = introducer
  }

  static async create(): Promise<BenchSwarm> {
    return new BenchSwarm(await startPeer({ kind: 'host' }))
  }

  /** Bootstrap addresses through which clients find the nodes. */
  get addresses(): readonly string[] {
    return this.#introducer.addresses
  }

  /** Number of nodes per process. */
  async nodes(count: number, engine: TimedEngine): Promise<PeerProcess> {
    const bootstrap = this.#introducer.addresses
    const started = await startPeer({ kind: 'nodes', count, engine, bootstrap })
    this.#processes.add(started)
    return started
  }

  /** The node's process. */
  processOf(peerId: string): PeerProcess | undefined {
    return [...this.#processes].find(({ peerIds }) => peerIds.includes(peerId))
  }

  /** Ends the process and removes its nodes. */
  async remove(peer: PeerProcess): Promise<void> {
    this.#processes.delete(peer)
    await peer[Symbol.asyncDispose]()
  }

  /** A client that knows every node. */
  async client(init: RequesterInit = {}): Promise<SwarmClient> {
    const client = await startClient({ ...init, bootstrap: this.#introducer.addresses })
    this.#clients.push(client)
    await this.known(client)
    return client
  }

  /** Waits until the client knows every node. */
  async known(client: SwarmClient): Promise<void> {
    await knows(client, () =>
      [...this.#processes].flatMap(({ peerIds }) => peerIds.map((peerId) => ({ peerId }))),
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) await client[Symbol.asyncDispose]()
    for (const peer of this.#processes) await peer[Symbol.asyncDispose]()
    await this.#introducer[Symbol.asyncDispose]()
  }
}

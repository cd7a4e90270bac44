import { peerIdFromString } from '@libp2p/peer-id'
import { type Client, createClient, type RequestEvent } from '../../client/index.ts'
import { createGateway, type Gateway } from '../../gateway/index.ts'
import { createHost, type Host } from '../../host/index.ts'
import { watchForIdle } from '../../testing/index.ts'
import type { Break } from './breaking-backend.ts'
import { type FaultEngine, type FaultNode, startFaultNode } from './fault-node.ts'

const LOOPBACK = '/ip4/127.0.0.1/tcp/0'
/**
 * Seconds without work in which a node has to be found. A list shows a peer only if it answers within three seconds, which
 * a machine without processor time to give does not allow.
 */
const FIND_IDLE_S = 90
const MAX_FIND_MS = 600_000
/** Times that nodes are started before the client has to find them. */
const MAX_ROUNDS = 3
const REPORT_TIMEOUT_MS = 10_000
const LOOK_AGAIN_MS = 50

/** Nodes with one engine each, in processes of their own, and a gateway in this one. */
export class FaultSwarm implements AsyncDisposable {
  readonly #introducer: Host
  readonly #engine: FaultEngine
  readonly #size: number
  readonly #nodes = new Set<FaultNode>()
  /** Indices of the breaks that are still to come. */
  readonly #open = new Set<number>()
  #breaks: readonly Break[] = []
  #events: RequestEvent[] = []
  #caller: { readonly client: Client; readonly gateway: Gateway }

  private constructor(introducer: Host, client: Client, engine: FaultEngine, size: number) {
    this.#introducer = introducer
    this.#caller = this.#callerOf(client)
    this.#engine = engine
    this.#size = size
  }

  static async create(engine: FaultEngine, size: number): Promise<FaultSwarm> {
    const introducer = await createHost({ dht: 'server', listen: [LOOPBACK] })
    const swarm = new FaultSwarm(introducer, await clientOf(introducer), engine, size)
    await swarm.refill()
    return swarm
  }

  get client(): Client {
    return this.#caller.client
  }

  get gateway(): Gateway {
    return this.#caller.gateway
  }

  /** From now on another client asks, with budgets of its own: those of one client expect most answers to be whole. */
  async changeCaller(): Promise<void> {
    await this.#closeCaller()
    this.#caller = this.#callerOf(await clientOf(this.#introducer))
    await this.refill()
  }

  /** The first model's id. */
  async model(): Promise<string> {
    const [model] = await this.client.models()
    if (model === undefined) throw new Error('no node serves a model')
    return model.id
  }

  /**
   * Starts nodes in place of those that died, and waits until the client knows all. One that it does not find in time is
   * replaced as well.
   *
   * @throws Error if the client does not find those that were started last
   */
  async refill(): Promise<void> {
    for (const node of this.#nodes) if (!node.alive) this.#nodes.delete(node)
    for (let round = 1; ; round += 1) {
      while (this.#nodes.size < this.#size) {
        const bootstrap = this.#introducer.addresses().map(String)
        const task = { engine: this.#engine, bootstrap }
        this.#nodes.add(await startFaultNode(task, (index) => this.#open.delete(index)))
      }
      const unknown = await this.#unknown()
      if (unknown.length === 0) return
      if (round === MAX_ROUNDS) throw new Error('the client does not find the nodes')
      for (const node of unknown) {
        if (node.alive) console.error(await this.#whereabouts(node))
        this.#nodes.delete(node)
        await node[Symbol.asyncDispose]()
      }
    }
  }

  /** Nodes that the client does not come to know in time, or that died meanwhile: some are killed after their answer went on. */
  async #unknown(): Promise<readonly FaultNode[]> {
    const stuck = new Set<FaultNode>()
    using watches = new DisposableStack()
    for (const node of this.#nodes) {
      const onStuck = (): void => void stuck.add(node)
      watches.use(watchForIdle(node.pid, { idleS: FIND_IDLE_S, maxMs: MAX_FIND_MS, onStuck }))
    }
    for (;;) {
      const peers = await this.client.peers().catch(() => [])
      const known = new Set(peers.map(({ peerId }) => peerId))
      const unknown = [...this.#nodes].filter(({ peerId }) => !known.has(peerId))
      if (unknown.every((node) => !node.alive || stuck.has(node))) return unknown
      await new Promise((done) => setTimeout(done, LOOK_AGAIN_MS))
    }
  }

  /** What is known of a node that the client does not find. */
  async #whereabouts({ peerId }: FaultNode): Promise<string> {
    const id = peerIdFromString(peerId)
    const { libp2p, book } = this.#introducer
    const known = book.get(id)
    const advertised =
      known === undefined ? 'no advertisement' : `an advertisement of ${known.models.length} models`
    const connections = libp2p.getConnections(id).length
    const answer = await this.#introducer
      .fetchAdvertisement(id, { signal: AbortSignal.timeout(REPORT_TIMEOUT_MS) })
      .then((own) => `${own?.models.length ?? 'no'} models`, String)
    return `a node was not found: its introducer has ${connections} connections to it and ${advertised}, and gets from it: ${answer}`
  }

  /** The answers that come to these places lose their nodes, once each. */
  arm(breaks: readonly Break[]): void {
    this.#events = []
    this.#breaks = breaks
    this.#open.clear()
    for (const index of breaks.keys()) this.#open.add(index)
    for (const node of this.#nodes) node.arm(breaks)
  }

  /** Breaks that came, of those that nodes were last armed with. */
  get broken(): readonly Break[] {
    return this.#breaks.filter((_, index) => !this.#open.has(index))
  }

  /**
   * What the parts of the answer since then continued from. On a loaded machine a peer is often late, and another is asked
   * beside it before anything breaks: an attempt that gave no part of the answer is not among them.
   */
  get seams(): readonly string[] {
    const attempts = this.#events.flatMap(({ attempts: all }) => all)
    return attempts.flatMap(({ seam, reason, deliveredTokens, outcome }) => {
      if (seam === undefined || (deliveredTokens === 0 && outcome !== 'answered')) return []
      return reason === 'resume' ? [seam] : [`${seam} after a ${reason}`]
    })
  }

  /** Chunks of the answer that a node has ended since it was armed; it reports them after the answer. */
  async chunks(): Promise<number> {
    const deadline = Date.now() + REPORT_TIMEOUT_MS
    for (;;) {
      const chunks = Math.max(...[...this.#nodes].map((node) => node.chunks))
      if (chunks > 0 || Date.now() > deadline) return chunks
      await new Promise((done) => setTimeout(done, LOOK_AGAIN_MS))
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#closeCaller()
    for (const node of this.#nodes) await node[Symbol.asyncDispose]()
    await this.#introducer[Symbol.asyncDispose]()
  }

  #callerOf(client: Client): { readonly client: Client; readonly gateway: Gateway } {
    client.observe((event) => this.#events.push(event))
    return { client, gateway: createGateway(client) }
  }

  async #closeCaller(): Promise<void> {
    await this.gateway.close()
    await this.client.close()
  }
}

async function clientOf(introducer: Host): Promise<Client> {
  return await createClient({ bootstrap: introducer.addresses().map(String) })
}

import { createNode } from '../../../node/index.ts'
import { createPacedEngine } from '../../engines/chaos-engine.ts'
import { type ProxyFault, startProxy, type TcpProxy } from '../../faults/chaos-proxy.ts'
import { knows, startClient } from '../../swarms/chaos-swarm.ts'
import { counting, type Tally, Watch } from '../watch.ts'

export interface BrokenConnectionsSize {
  readonly fault: ProxyFault
  /** Nodes, each behind a proxy. All but one lose their connections in one round. */
  readonly nodes: number
  /** Each with nodes and a client of its own. */
  readonly rounds: number
  /** Answers under way at once in a round. */
  readonly atOnce: number
}

/** Long enough that a reader who is late by half a second sees no end before the last break. */
const ENGINE = { model: 'counter', slots: 16, paceMs: 10 }
const NUMBERS = 60
/** Numbers that the first answer has got further at each break. */
const EVERY = 6

/** Real sockets whose connections break in the middle of answers. */
export async function brokenConnections(
  size: BrokenConnectionsSize,
): Promise<Tally & { readonly broken: number }> {
  const watch = new Watch()
  let broken = 0
  for (let round = 0; round < size.rounds; round += 1) broken += await oneRound(size, watch)
  return { ...watch.tally(), broken }
}

async function oneRound(size: BrokenConnectionsSize, watch: Watch): Promise<number> {
  await using stack = new AsyncDisposableStack()
  const proxies = new Map<string, TcpProxy>()
  const bootstrap: string[] = []
  for (let index = 0; index < size.nodes; index += 1) {
    const backend = createPacedEngine(ENGINE)
    const node = stack.use(
      await createNode({ backend, host: { listen: ['/ip4/127.0.0.1/tcp/0'], bootstrap: [] } }),
    )
    const peerId = node.host.peerId.toString()
    const proxy = stack.use(await startProxy(portOf(String(node.host.addresses()[0]))))
    proxies.set(peerId, proxy)
    // The client has no other address at first: its connection goes through the proxy.
    bootstrap.push(`/ip4/127.0.0.1/tcp/${proxy.port}/p2p/${peerId}`)
  }
  const client = stack.use(await startClient({ bootstrap }))
  await knows(client, () => [...proxies.keys()].map((peerId) => ({ peerId })))
  let broken = 0
  await Promise.all(
    Array.from({ length: size.atOnce }, async (_, index) => {
      const question = counting(index + 1, index + NUMBERS)
      const messages = [{ role: 'user', content: question.prompt }]
      const request = { model: ENGINE.model, messages, temperature: 0 }
      await watch.read(client.requester.streamChat(request), question, (text, peerId) => {
        const seen = text.match(/\d+(?=,)/g)?.length ?? 0
        if (index > 0 || seen < (broken + 1) * EVERY || broken >= size.nodes - 1) return
        broken += 1
        watch.lost(peerId)
        proxies.get(peerId)?.break(size.fault)
      })
    }),
  )
  return broken
}

function portOf(address: string): number {
  const port = /\/tcp\/(\d+)/.exec(address)?.[1]
  if (port === undefined) throw new Error(`no TCP port in ${address}`)
  return Number(port)
}

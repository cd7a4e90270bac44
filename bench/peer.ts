import { setTimeout as wait } from 'node:timers/promises'
import type { Stream } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import {
  type Backend,
  createEmbeddedBackend,
  createOpenAiBackend,
  createScriptedBackend,
} from '../backend/index.ts'
import { createBootstrap } from '../bootstrap/index.ts'
import { boundHeap } from '../cli/heap-bounds.ts'
import { createClient } from '../client/index.ts'
import { serveGateway } from '../gateway/index.ts'
import { createHost, type Host } from '../host/index.ts'
import { createNode, type Node } from '../node/index.ts'
import { startOpenAiWire } from '../testing/engines/openai-wire.ts'
import { serveParent } from '../testing/index.ts'
import { BUNDLED_MODEL } from './bundled-model.ts'
import { startDelayingProxy } from './delaying-proxy.ts'
import type { DropCommand, Dropped, PeerReady, PeerTask } from './peer-process.ts'
import { createTimedEngine } from './timed-engine.ts'

/** The other process of a benchmark: runs one task, reports its address, and ends with its parent. */

/** Microseconds of CPU in a second. */
const REST_CPU_US = 150_000
const MAX_UNREST_S = 90

const UNBOUNDED = 1_000_000
const RESERVED_MS = 20_000
const SINK = '/skein-bench/sink/1.0.0'
const FLOOD_PIECE = new Uint8Array(65_536)
const LOOPBACK = '/ip4/127.0.0.1/tcp/0'

async function run(task: PeerTask): Promise<PeerReady> {
  switch (task.kind) {
    case 'idle':
      return { addresses: [], peerIds: [] }
    case 'engine': {
      const { prefillMs = 0, paceMs = 0 } = task
      const engine = createScriptedBackend({ paceMs, script: () => ({ prefillMs }) })
      const server = await startOpenAiWire(engine, 'vllm')
      return { addresses: [server.baseUrl], peerIds: [] }
    }
    case 'gateway': {
      boundHeap()
      const client = await createClient({ bootstrap: task.bootstrap })
      const { url } = await serveGateway(client, { port: 0 })
      return { addresses: [url], peerIds: [] }
    }
    case 'host': {
      const host = await createHost({ dht: 'server', listen: [LOOPBACK] })
      return { addresses: addressesOf(host), peerIds: [] }
    }
    case 'bootstrap': {
      const { host } = await createBootstrap({ listen: [LOOPBACK] })
      return { addresses: addressesOf(host), peerIds: [] }
    }
    case 'flood':
      return await startFlood(task)
    case 'hosts': {
      const hosts = [await createHost({ dht: 'server', listen: [LOOPBACK] })]
      const bootstrap = addressesOf(hosts[0] as Host)
      while (hosts.length < task.count) {
        hosts.push(await createHost({ dht: 'server', listen: [LOOPBACK], bootstrap }))
      }
      await atRest()
      return { addresses: bootstrap, peerIds: [] }
    }
    case 'delay': {
      const [, , host = '', , port = ''] = task.to.split('/')
      const through = await startDelayingProxy({ host, port: Number(port) }, task.delayMs)
      return { addresses: [task.to.replace(`/tcp/${port}/`, `/tcp/${through}/`)], peerIds: [] }
    }
    case 'node': {
      boundHeap()
      const node = await createNode({
        backend: await backendOf(task.engine),
        host: { listen: [LOOPBACK], bootstrap: task.bootstrap ?? [] },
        // One gateway sends every request: a node's limit for strangers is not under test.
        ...{ requestsPerSecondPerPeer: UNBOUNDED, requestBurstPerPeer: UNBOUNDED },
      })
      return readyOf([node])
    }
    case 'nodes':
      return readyOf(await startNodes(task))
    default:
      return task satisfies never
  }
}

const nodes = new Map<string, Node>()

async function startNodes(task: Extract<PeerTask, { kind: 'nodes' }>): Promise<readonly Node[]> {
  while (nodes.size < task.count) {
    const node = await createNode({
      backend: createTimedEngine(task.engine, nodes.size),
      host: {
        listen: task.reach === 'hidden' ? [] : [LOOPBACK],
        bootstrap: task.bootstrap,
        ...(task.reach === 'relays' && { relay: 'always' }),
      },
      ...{ requestsPerSecondPerPeer: UNBOUNDED, requestBurstPerPeer: UNBOUNDED },
    })
    if (task.reach === 'hidden') await node.host.relayed({ timeoutMs: RESERVED_MS })
    nodes.set(node.host.peerId.toString(), node)
  }
  return [...nodes.values()]
}

async function startFlood({
  relay,
  count,
}: Extract<PeerTask, { kind: 'flood' }>): Promise<PeerReady> {
  const init = { listen: [], bootstrap: [relay] }
  const sink = await createHost({ dht: 'server', ...init })
  await sink.libp2p.handle(SINK, async (stream) => {
    for await (const _ of stream);
  })
  await sink.relayed({ timeoutMs: RESERVED_MS })
  const through = multiaddr(`${relay}/p2p-circuit/p2p/${sink.peerId.toString()}`)
  const streams: Stream[] = []
  while (streams.length < count) {
    const host = await createHost({ dht: 'client', ...init })
    streams.push(await (await host.libp2p.dial(through)).newStream(SINK))
  }
  // Not before: a flood takes the processor from the handshakes of the others, which share this process.
  for (const stream of streams) {
    void (async () => {
      for (;;) if (!stream.send(FLOOD_PIECE)) await drained(stream)
    })()
  }
  return { addresses: [], peerIds: [sink.peerId.toString()] }
}

/** `stream.onDrain()` resolves at once from its second call on. */
const drained = (stream: Stream): Promise<unknown> =>
  new Promise((resolve) => stream.addEventListener('drain', resolve, { once: true }))

function readyOf(started: readonly Node[]): PeerReady {
  return {
    addresses: started.flatMap(({ host }) => addressesOf(host)),
    peerIds: started.map(({ host }) => host.peerId.toString()),
  }
}

function drop(command: DropCommand): Dropped {
  const node = nodes.get(command.drop)
  if (node === undefined) throw new Error(`no node ${command.drop} here`)
  const connections = node.host.libp2p.getConnections(peerIdFromString(command.remote))
  const droppedAtNs = String(process.hrtime.bigint())
  for (const connection of connections) connection.abort(new Error('dropped by the benchmark'))
  return { droppedAtNs }
}

/** So many hosts on one thread are busy with each other for a while; in a swarm each has its own. */
async function atRest(): Promise<void> {
  for (let second = 0; second < MAX_UNREST_S; second++) {
    const before = process.cpuUsage()
    await wait(1_000)
    const { user, system } = process.cpuUsage(before)
    if (user + system < REST_CPU_US) return
  }
}

function addressesOf(host: Host): string[] {
  return host.addresses().map(String)
}

async function backendOf(engine: Extract<PeerTask, { kind: 'node' }>['engine']): Promise<Backend> {
  if (engine === 'embedded')
    return await createEmbeddedBackend({ modelPath: BUNDLED_MODEL, threads: 1 })
  if (engine === 'scripted') return createScriptedBackend()
  const { url, slots } = engine
  return createOpenAiBackend({ baseUrl: url, ...(slots !== undefined && { slots }) })
}

serveParent(run, (command: DropCommand) => {
  process.send?.(drop(command))
})
process.on('unhandledRejection', (error) => console.error('peer:', error))

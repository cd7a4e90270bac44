import { setTimeout as wait } from 'node:timers/promises'
import {
  type Backend,
  createEmbeddedBackend,
  createOpenAiBackend,
  createScriptedBackend,
} from '../backend/index.ts'
import { createHost, type Host } from '../host/index.ts'
import { createNode } from '../node/index.ts'
import { startOpenAiWire } from '../test/fixtures/openai-wire.ts'
import { BUNDLED_MODEL } from './bundled-model.ts'
import type { PeerReady, PeerTask } from './peer-process.ts'

/** The other process of a benchmark: does one task, says where it can be reached, and lives until its parent is gone. */

/** Microseconds of CPU in a second. */
const REST_CPU_US = 150_000
const MAX_UNREST_S = 90

const LOOPBACK = '/ip4/127.0.0.1/tcp/0'

async function run(task: PeerTask): Promise<PeerReady> {
  switch (task.kind) {
    case 'idle':
      return { addresses: [] }
    case 'engine': {
      const server = await startOpenAiWire(createScriptedBackend(), 'vllm')
      return { addresses: [server.baseUrl] }
    }
    case 'host': {
      const host = await createHost({ dht: 'server', listen: [LOOPBACK] })
      return { addresses: addressesOf(host) }
    }
    case 'hosts': {
      const hosts = [await createHost({ dht: 'server', listen: [LOOPBACK] })]
      const bootstrap = addressesOf(hosts[0] as Host)
      while (hosts.length < task.count) {
        hosts.push(await createHost({ dht: 'server', listen: [LOOPBACK], bootstrap }))
      }
      await atRest()
      return { addresses: bootstrap }
    }
    case 'node': {
      const node = await createNode({
        backend: await backendOf(task.engine),
        host: { listen: [LOOPBACK], bootstrap: task.bootstrap ?? [] },
      })
      return { addresses: addressesOf(node.host) }
    }
    default:
      return task satisfies never
  }
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
  return createOpenAiBackend({ baseUrl: engine.url })
}

process.on('message', (task: PeerTask) => {
  run(task).then(
    (ready) => process.send?.(ready),
    (error: unknown) => process.send?.({ error: String(error) }),
  )
})
process.on('disconnect', () => process.exit(0))
process.on('unhandledRejection', (error) => console.error('peer:', error))

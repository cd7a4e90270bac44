import { expect, it } from 'vitest'
import { createBootstrap } from '../../bootstrap/index.ts'
import type { Host, HostInit } from '../../host/index.ts'
import { modelKey } from '../../protocol/index.ts'
import { addressesOf, LOOPBACK, startHost, track } from './host-peers.ts'

const NODES = 24
const CLIENTS = 25
const WAVE = 5
/** Look-ups of one client; together the clients look for every model several times. */
const LOOKUPS = 5

it('finds every model with 50 hosts in one process, by the DHT alone', {
  timeout: 600_000,
}, async () => {
  const bootstrap = track(await createBootstrap({ listen: LOOPBACK, peerExchange: false }))
  const init = { bootstrap: addressesOf(bootstrap.host), peerExchange: false }
  const nodes = await startMany(NODES, init)
  for (const [index, node] of nodes.entries())
    await node.provide(await modelKey(`model-${index}`, 0))
  const clients = await startMany(CLIENTS, { ...init, dht: 'client', listen: [] })
  const missing: string[] = []
  for (let turn = 0; turn < LOOKUPS; turn += 1) {
    await Promise.all(
      clients.map(async (client, at) => {
        const index = (at + turn * 5) % NODES
        const node = nodes[index]
        const key = await modelKey(`model-${index}`, 0)
        if (!node || !(await finds(client, key, node))) missing.push(`client ${at}: model-${index}`)
      }),
    )
  }
  expect(missing).toEqual([])
})

/** In waves: one event loop cannot shake hands with everybody at once before their patience ends. */
async function startMany(count: number, init: Partial<HostInit>): Promise<Host[]> {
  const hosts: Host[] = []
  while (hosts.length < count) {
    const size = Math.min(WAVE, count - hosts.length)
    const wave = await Promise.all(Array.from({ length: size }, () => startHost(init)))
    const results = await Promise.all(wave.map((host) => host.joined({ timeoutMs: 60_000 })))
    expect(results.filter((result) => !result.joined)).toEqual([])
    hosts.push(...wave)
  }
  return hosts
}

async function finds(client: Host, key: Awaited<ReturnType<typeof modelKey>>, node: Host) {
  for await (const peer of client.findProviders(key)) if (peer.equals(node.peerId)) return true
  return false
}

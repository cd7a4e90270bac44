import { describe, expect, it } from 'vitest'
import { createBootstrap } from '../../bootstrap/index.ts'
import { modelKey } from '../../protocol/index.ts'
import { addressesOf, collect, createDataDir, LOOPBACK, startHost, track } from './host-peers.ts'

describe('a bootstrap peer', () => {
  it('introduces peers to each other', async () => {
    const bootstrap = track(await createBootstrap({ listen: LOOPBACK }))
    const init = { bootstrap: addressesOf(bootstrap.host), peerExchange: false }
    const [first, second] = await Promise.all([startHost(init), startHost(init)])
    const key = await modelKey('introduced', 0)
    await Promise.all([first.joined({ timeoutMs: 20_000 }), second.joined({ timeoutMs: 20_000 })])
    await first.provide(key)
    expect((await collect(second.findProviders(key))).map(String)).toEqual([
      first.peerId.toString(),
    ])
    expect(await second.libp2p.dial(first.peerId)).toBeDefined()
  })

  it('is dialled again when it comes back at the address it had', async () => {
    const dataDir = await createDataDir()
    const before = track(await createBootstrap({ listen: LOOPBACK, dataDir }))
    const bootstrap = addressesOf(before.host)
    const node = await startHost({ bootstrap })
    await node.joined({ timeoutMs: 20_000 })
    await before[Symbol.asyncDispose]()
    await expect.poll(() => node.bootstrapPeers()[0]?.status, { timeout: 20_000 }).toBe('waiting')
    const after = track(await createBootstrap({ listen: LOOPBACK, dataDir }))
    expect(addressesOf(after.host)).toEqual(bootstrap)
    await expect.poll(() => node.bootstrapPeers()[0]?.status, { timeout: 20_000 }).toBe('connected')
  })

  it('is dialled until it is there', async () => {
    const dataDir = await createDataDir()
    const address = await (async () => {
      const early = await createBootstrap({ listen: LOOPBACK, dataDir })
      const addresses = addressesOf(early.host)
      await early[Symbol.asyncDispose]()
      return addresses
    })()
    const node = await startHost({ bootstrap: address })
    await expect.poll(() => node.bootstrapPeers()[0]?.status, { timeout: 20_000 }).toBe('waiting')
    track(await createBootstrap({ listen: LOOPBACK, dataDir }))
    expect(await node.joined({ timeoutMs: 20_000 })).toEqual({ joined: true })
  })

  it('is not needed by peers that know each other: new keys are found after every one is dead', async () => {
    const bootstraps = await Promise.all([1, 2].map(() => createBootstrap({ listen: LOOPBACK })))
    const bootstrap = bootstraps.flatMap(({ host }) => addressesOf(host))
    const init = { bootstrap, peerExchange: false }
    const [first, second, third] = await Promise.all([1, 2, 3].map(() => startHost(init)))
    if (!first || !second || !third) throw new Error('no hosts')
    const hosts = [first, second, third]
    await Promise.all(hosts.map((host) => host.joined({ timeoutMs: 20_000 })))
    // Each knows the others once it has looked around itself.
    for (const host of hosts) {
      for (const other of hosts) {
        if (host === other) continue
        await expect
          .poll(() => host.libp2p.getConnections(other.peerId).length, { timeout: 20_000 })
          .toBeGreaterThan(0)
      }
    }
    await Promise.all(bootstraps.map((peer) => peer[Symbol.asyncDispose]()))
    const key = await modelKey('afterwards', 0)
    await first.provide(key)
    for (const host of [second, third]) {
      expect((await collect(host.findProviders(key))).map(String)).toEqual([
        first.peerId.toString(),
      ])
    }
  })

  it('ignores itself in its own list of bootstrap peers', async () => {
    const dataDir = await createDataDir()
    const before = await createBootstrap({ listen: LOOPBACK, dataDir })
    const bootstrap = addressesOf(before.host)
    await before[Symbol.asyncDispose]()
    const after = track(await createBootstrap({ listen: LOOPBACK, dataDir, bootstrap }))
    expect(after.host.bootstrapPeers()).toEqual([])
  })
})

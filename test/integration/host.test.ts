import { execFile, fork } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, it } from 'vitest'
import { createSwarmKey, DataDirLockedError, decodeInvite, encodeInvite } from '../../host/index.ts'
import { modelKey } from '../../protocol/index.ts'
import {
  addressesOf,
  advertise,
  collect,
  createDataDir,
  LOOPBACK,
  startHost,
  untilBook,
} from './host-peers.ts'

const STRANGER = '12D3KooWL1khQquees1d8CRWHncYaZmNz7rcdwa7griQJexqFBQg'

describe('a host', () => {
  it('keeps identity and ports across restarts', async () => {
    const dataDir = await createDataDir()
    const listen = [...LOOPBACK, '/ip4/127.0.0.1/tcp/0/ws']
    const first = await startHost({ dataDir, listen })
    const addresses = addressesOf(first)
    expect(addresses).toHaveLength(2)
    await first[Symbol.asyncDispose]()
    const second = await startHost({ dataDir, listen })
    expect(addressesOf(second)).toEqual(addresses)
  })

  it('names the peer that answers at an address in place of the one it names', async () => {
    const [moved, host] = [await startHost(), await startHost()]
    const address = (addressesOf(moved)[0] ?? '').replace(moved.peerId.toString(), STRANGER)
    await expect(host.connect(address)).rejects.toThrow(
      `another peer answers at this address, ${moved.peerId.toString()}`,
    )
  })

  it('picks a new port when its old one is taken', async () => {
    const dataDir = await createDataDir()
    const first = await startHost({ dataDir })
    const { port } = portOf(addressesOf(first)[0])
    await first[Symbol.asyncDispose]()
    const squatter = createServer()
    squatter.listen(port, '127.0.0.1')
    await once(squatter, 'listening')
    const second = await startHost({ dataDir })
    expect(second.peerId).toEqual(first.peerId)
    expect(portOf(addressesOf(second)[0]).port).not.toBe(port)
    squatter.close()
  })

  it('reports which process holds the data directory', async () => {
    const dataDir = await createDataDir()
    const first = await startHost({ dataDir })
    const refused = await startHost({ dataDir }).catch((error: unknown) => error)
    expect(refused).toBeInstanceOf(DataDirLockedError)
    expect(refused).toMatchObject({ pid: process.pid })
    const ephemeral = await startHost({ dataDir, whenLocked: 'ephemeral' })
    expect(ephemeral.peerId.equals(first.peerId)).toBe(false)
    await first[Symbol.asyncDispose]()
    expect((await startHost({ dataDir })).peerId).toEqual(first.peerId)
  })

  it.each([
    [{ bootstrap: ['127.0.0.1:4001'] }, /is not a valid multiaddr/],
    [{ bootstrap: ['/ip4/127.0.0.1/tcp/4001'] }, /does not end in \/p2p/],
    [{ listen: ['/ip4/127.0.0.1/tcp/notaport'] }, /is not a valid multiaddr/],
    [{ swarmKey: new Uint8Array(95) }, /not a swarm key/],
  ])('refuses %j before it starts', async (init, message) => {
    await expect(startHost(init)).rejects.toThrow(message)
    await expect(startHost(init)).rejects.toMatchObject({ code: 'invalid_request' })
  })

  it('reports the address that cannot be listened on', async () => {
    const squatter = createServer()
    squatter.listen(0, '127.0.0.1')
    await once(squatter, 'listening')
    const address = squatter.address()
    const port = typeof address === 'object' ? address?.port : 0
    const listen = [`/ip4/127.0.0.1/tcp/${port}`]
    await expect(startHost({ listen })).rejects.toMatchObject({ code: 'invalid_request' })
    await expect(startHost({ listen })).rejects.toThrow(listen[0])
    squatter.close()
  })

  it('leaves no handle open if it cannot listen, so that the process can exit', async () => {
    const taken = await startHost()
    const door = new URL('../../host/index.ts', import.meta.url).href
    const listen = JSON.stringify(taken.addresses().map((at) => at.toString().split('/p2p/')[0]))
    const program = `
      import { createHost } from ${JSON.stringify(door)}
      await createHost({ dht: 'server', listen: ${listen} }).catch(({ code }) => console.log(code))`
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--input-type=module', '-e', program],
      { timeout: 20_000 },
    )
    expect(stdout.trim()).toBe('invalid_request')
  })

  it('speaks over WebSockets too', async () => {
    const server = await startHost({ listen: ['/ip4/127.0.0.1/tcp/0/ws'] })
    const client = await startHost({ dht: 'client', bootstrap: addressesOf(server) })
    expect(await client.joined()).toEqual({ joined: true })
  })

  it('ends a lookup at once if no peer is known', async () => {
    const alone = await startHost()
    expect(await collect(alone.findProviders(await modelKey('m', 0)))).toEqual([])
    await alone.provide(await modelKey('m', 0))
  })

  it('announces later what it provided while alone', async () => {
    const bootstrap = await startHost()
    const node = await startHost()
    const key = await modelKey('early', 0)
    await node.provide(key)
    await node.connect(addressesOf(bootstrap)[0] ?? '')
    const client = await startHost({ dht: 'client', bootstrap: addressesOf(bootstrap) })
    await client.joined()
    await expect
      .poll(async () => (await collect(client.findProviders(key))).map(String), { timeout: 20_000 })
      .toEqual([node.peerId.toString()])
  })

  it('does not announce in a new life what it provided in the last', async () => {
    const dataDir = await createDataDir()
    const bootstrap = await startHost()
    const key = await modelKey('gone', 0)
    const before = await startHost({ dataDir, bootstrap: addressesOf(bootstrap) })
    await before.joined()
    await before.provide(key)
    await before[Symbol.asyncDispose]()
    // It would still have the record.
    await bootstrap[Symbol.asyncDispose]()
    const after = await startHost({ dataDir })
    const own = await collect(after.libp2p.contentRouting.findProviders(key))
    expect(own).toEqual([])
  })

  it('gives up a lookup with the caller’s reason', async () => {
    const host = await startHost()
    const reason = new Error('enough')
    const lookup = collect(
      host.findProviders(await modelKey('m', 0), { signal: AbortSignal.abort(reason) }),
    )
    await expect(lookup).rejects.toBe(reason)
    await expect(
      host.provide(await modelKey('m', 0), { signal: AbortSignal.abort(reason) }),
    ).rejects.toBe(reason)
  })

  it('does not dial a private address that a stranger tells, but one the user typed', async () => {
    const target = await startHost()
    // Neither listens nor knows a bootstrap peer on loopback, as in a public swarm.
    const careful = await startHost({ dht: 'client', listen: [] })
    await careful.libp2p.peerStore.merge(target.peerId, { multiaddrs: [...target.addresses()] })
    await expect(careful.libp2p.dial(target.peerId)).rejects.toMatchObject({
      name: 'DialDeniedError',
    })
    await expect(
      careful.libp2p.dial(multiaddr(`/unix/%2Ftmp%2Fx/p2p/${STRANGER}`)),
    ).rejects.toMatchObject({ name: 'DialDeniedError' })
    expect(await careful.connect(addressesOf(target)[0] ?? '')).toEqual(target.peerId)
    await expect(careful.connect('nonsense')).rejects.toMatchObject({ code: 'invalid_request' })
    await expect(careful.connect(`/ip4/127.0.0.1/tcp/1/p2p/${STRANGER}`)).rejects.toMatchObject({
      code: 'dial_failed',
    })
  })

  it('stops once, in bounded time, however often it is asked to', async () => {
    const host = await startHost()
    await Promise.all([host[Symbol.asyncDispose](), host[Symbol.asyncDispose]()])
    await host[Symbol.asyncDispose]()
    expect(host.libp2p.status).toBe('stopped')
  })

  it('takes over the data directory of a process that was killed', async () => {
    const dataDir = await createDataDir()
    const script = join(dataDir, 'holder.ts')
    const entry = new URL('../../host/index.ts', import.meta.url).href
    await writeFile(
      script,
      `import { createHost } from ${JSON.stringify(entry)}
       const host = await createHost({ dht: 'server', listen: ${JSON.stringify(LOOPBACK)}, dataDir: process.argv[2] })
       process.send(host.addresses().map(String))`,
    )
    const child = fork(script, [join(dataDir, 'data')], { stdio: 'ignore' })
    const [addresses] = (await once(child, 'message')) as [string[]]
    await expect(startHost({ dataDir: join(dataDir, 'data') })).rejects.toMatchObject({
      pid: child.pid,
    })
    child.kill('SIGKILL')
    await once(child, 'exit')
    const heir = await startHost({ dataDir: join(dataDir, 'data') })
    expect(addressesOf(heir)).toEqual(addresses)
  })
})

describe('a private swarm', () => {
  it('is joined with an invite, and shut to another key or none', async () => {
    const swarmKey = createSwarmKey()
    const first = await startHost({ swarmKey })
    const invite = decodeInvite(encodeInvite({ swarmKey, bootstrap: addressesOf(first) }))
    const guest = await startHost({ dht: 'client', listen: [], ...invite })
    expect(await guest.joined({ timeoutMs: 20_000 })).toEqual({ joined: true })

    const bootstrap = addressesOf(first)
    const wrong = await startHost({ dht: 'client', swarmKey: createSwarmKey(), bootstrap })
    const none = await startHost({ dht: 'client', bootstrap })
    const [wrongKey, noKey] = await Promise.all([
      wrong.connect(bootstrap[0] ?? '').catch((error: unknown) => error),
      none.connect(bootstrap[0] ?? '').catch((error: unknown) => error),
    ])
    expect(wrongKey).toMatchObject({ message: expect.stringMatching(/swarm key/) })
    expect(noKey).toMatchObject({ message: expect.stringMatching(/private/) })
    expect(await wrong.joined({ timeoutMs: 100 })).toMatchObject({ joined: false })
  })

  // Relayed connections: `relay-limits.test.ts`. WebRTC: `link-connection.test.ts`.
  it.each(['tcp/0', 'tcp/0/ws'])('is shut to strangers over %s', async (transport) => {
    const swarmKey = createSwarmKey()
    const first = await startHost({ swarmKey, listen: [`/ip4/127.0.0.1/${transport}`] })
    const [address = ''] = addressesOf(first)
    const member = await startHost({ dht: 'client', swarmKey, listen: [] })
    expect(await member.connect(address)).toEqual(first.peerId)
    await Promise.all(
      [{ swarmKey: createSwarmKey() }, {}].map(async (other) => {
        const stranger = await startHost({ dht: 'client', ...other, listen: [] })
        await expect(stranger.connect(address)).rejects.toMatchObject({ code: 'dial_failed' })
      }),
    )
    expect(first.libp2p.getPeers()).toEqual([member.peerId])
  })
})

describe('joined', () => {
  it('reports at once that there is no peer to wait for', async () => {
    const result = await (await startHost()).joined({ timeoutMs: 20_000 })
    expect(result).toMatchObject({
      joined: false,
      reasons: [expect.stringMatching(/no bootstrap/)],
    })
  })

  it('reports within its timeout why each bootstrap peer failed', async () => {
    const bootstrap = [`/ip4/127.0.0.1/tcp/1/p2p/${STRANGER}`]
    const host = await startHost({ dht: 'client', bootstrap })
    // On a busy machine a refusal takes longer than the second below.
    await expect
      .poll(() => host.bootstrapPeers()[0], { timeout: 30_000 })
      .toMatchObject({ lastError: expect.stringMatching(/ECONNREFUSED/) })
    const result = await host.joined({ timeoutMs: 1_000 })
    expect(result).toMatchObject({
      joined: false,
      reasons: [expect.stringMatching(/ECONNREFUSED/)],
    })
  })

  it('reports a bootstrap peer with the wrong peer id', async () => {
    const impostor = await startHost()
    const address = addressesOf(impostor)[0]?.replace(/p2p\/.*/, `p2p/${STRANGER}`) ?? ''
    const host = await startHost({ dht: 'client', bootstrap: [address] })
    expect(await host.joined({ timeoutMs: 1_500 })).toMatchObject({ joined: false })
  })
})

describe('without bootstrap peers', () => {
  it('comes back from its cache, in a directory of its own or one that another process holds', async () => {
    const dataDir = await createDataDir()
    const bootstrap = await startHost()
    const node = await startHost({ bootstrap: addressesOf(bootstrap) })
    await node.joined()
    await advertise(node)
    const key = await modelKey('skein-tiny', 0)
    await node.provide(key)
    const init = { dht: 'client', listen: [], dataDir, bootstrap: addressesOf(bootstrap) } as const
    const client = await startHost(init)
    await client.joined()
    await client.fetchAdvertisement(node.peerId).catch(async () => {
      for await (const _ of client.findProviders(key)) await client.fetchAdvertisement(node.peerId)
    })
    await untilBook(client, (host) => host.book.get(node.peerId) !== undefined)
    await client[Symbol.asyncDispose]()
    await bootstrap[Symbol.asyncDispose]()

    const returned = await startHost(init)
    expect(returned.book.get(node.peerId)?.models[0]?.id).toBe('skein-tiny')
    expect(await returned.joined({ timeoutMs: 20_000 })).toEqual({ joined: true })
    const found = await collect(returned.findProviders(key))
    expect(found.map(String)).toEqual([node.peerId.toString()])

    const beside = await startHost({ ...init, whenLocked: 'ephemeral' })
    expect(await beside.joined({ timeoutMs: 20_000 })).toEqual({ joined: true })
    expect(beside.libp2p.getPeers().map(String)).toContain(node.peerId.toString())
  })
})

function portOf(address: string | undefined): { port: number } {
  return { port: Number(address?.split('/')[4]) }
}

import type { Libp2p, Stream } from '@libp2p/interface'
import { generateKey } from '@libp2p/pnet'
import { lpStream } from '@libp2p/utils'
import { multiaddr } from '@multiformats/multiaddr'
import { afterEach, describe, expect, it } from 'vitest'
import { createHost, type Host, type HostInit } from '../../host/index.ts'
import type { HostServices } from '../../host/services.ts'
import {
  CIRCUIT_PROTOCOLS,
  decodeHopAnswer,
  encodeHopRequest,
  encodeStopRequest,
  type HopAnswer,
  type HopRequest,
} from '../../protocol/index.ts'
import { createDataDir } from './host-peers.ts'

const LISTEN = { listen: ['/ip4/127.0.0.1/tcp/0'] }
const ECHO = '/test/echo/1.0.0'

const hosts: Host[] = []
const start = async (init: Partial<HostInit>): Promise<Host> => {
  const host = await createHost({ dht: 'server', ...init })
  hosts.push(host)
  return host
}
const addressOf = (host: Host): string => String(host.addresses()[0])
const relay = (init: Partial<HostInit> = {}): Promise<Host> =>
  start({ ...LISTEN, relay: 'always', ...init })
/** Listens nowhere, as one behind a NAT might as well. */
const hidden = async (relays: readonly Host[], init: Partial<HostInit> = {}): Promise<Host> => {
  const host = await start({ listen: [], bootstrap: relays.map(addressOf), ...init })
  await host.relayed({ timeoutMs: 20_000 })
  return host
}
const throughRelay = (from: Host, to: Host): string =>
  `${addressOf(from)}/p2p-circuit/p2p/${to.peerId.toString()}`

async function openHop(host: Host, to: Host): Promise<Stream> {
  const peer = await host.connect(addressOf(to))
  return await host.libp2p.dialProtocol(peer, CIRCUIT_PROTOCOLS.hop)
}

async function hop(host: Host, to: Host, request: HopRequest): Promise<HopAnswer> {
  const messages = lpStream(await openHop(host, to))
  await messages.write(encodeHopRequest(request))
  const answer = decodeHopAnswer((await messages.read()).subarray())
  await messages.unwrap().close()
  return answer
}

afterEach(async () => {
  await Promise.all(hosts.splice(0).map((host) => host[Symbol.asyncDispose]()))
})

describe('a relay', () => {
  it('carries any number of bytes to a peer that asked to be reached', async () => {
    const one = await relay()
    const node = await hidden([one])
    await node.libp2p.handle(ECHO, async (stream) => {
      for await (const bytes of stream) stream.send(bytes)
      await stream.close()
    })
    const client = await start({ dht: 'client', bootstrap: [addressOf(one)] })
    const connection = await client.libp2p.dial(multiaddr(throughRelay(one, node)))
    expect(connection.limits).toBeUndefined()
    const stream = await connection.newStream(ECHO)
    // Beyond the 128 KiB after which relays of libp2p's own cut.
    const sent = 1_000_000
    let got = 0
    stream.send(new Uint8Array(sent).fill(7))
    for await (const bytes of stream) {
      got += bytes.byteLength
      if (got === sent) break
    }
    expect(got).toBe(sent)
    expect(one.relaying().use?.bytes).toBeGreaterThan(2 * sent)
  })

  it('leads nowhere but to peers that hold a reservation, and dials no peer', async () => {
    const one = await relay()
    const other = await start(LISTEN)
    await one.connect(addressOf(other))
    const client = await start({ dht: 'client' })
    for (const target of [other, client]) {
      const peer = target.peerId.toMultihash().bytes
      expect((await hop(client, one, { type: 'connect', peer })).status).toBe('no_reservation')
    }
    expect(one.libp2p.getPeers()).toHaveLength(2)
    expect(one.relaying().use).toMatchObject({ circuits: 0, refused: 2 })
  })

  it('gives no reservation over another relay', async () => {
    const one = await relay()
    const two = await hidden([one], { relay: 'always' })
    const client = await start({ dht: 'client', bootstrap: [addressOf(one)] })
    const connection = await client.libp2p.dial(multiaddr(throughRelay(one, two)))
    const messages = lpStream(await connection.newStream(CIRCUIT_PROTOCOLS.hop))
    await messages.write(encodeHopRequest({ type: 'reserve' }))
    const { status } = decodeHopAnswer((await messages.read()).subarray())
    expect(status).toBe('permission_denied')
  })

  it('refuses a peer that asks without end, and goes on with the others', async () => {
    const one = await relay()
    const flood = await start({ dht: 'client' })
    const peer = flood.peerId.toMultihash().bytes
    const statuses: string[] = []
    for (let asked = 0; asked < 240; asked += 1) {
      statuses.push((await hop(flood, one, { type: 'connect', peer })).status)
    }
    expect(statuses).toContain('resource_limit_exceeded')
    const node = await hidden([one])
    expect(node.relaying().held).toHaveLength(1)
  })

  it('resets the stream of a peer that writes something else, and lives on', async () => {
    const one = await relay()
    const stranger = await start({ dht: 'client' })
    const messages = lpStream(await openHop(stranger, one))
    await messages.write(new Uint8Array([1, 2, 3]))
    await expect(messages.read()).rejects.toThrow()
    expect((await hidden([one])).relaying().held).toHaveLength(1)
  })
})

describe('a peer behind a relay', () => {
  it('starts while its relay is down, and reserves there once it is back', async () => {
    const dataDir = await createDataDir()
    const before = await relay({ dataDir })
    const bootstrap = [addressOf(before)]
    await before[Symbol.asyncDispose]()
    const node = await start({ listen: [], bootstrap })
    expect(node.relaying().held).toEqual([])
    const { peerId } = await relay({ dataDir })
    await expect.poll(() => node.relaying().held.map((at) => at.relay)).toEqual([String(peerId)])
  })

  it('reserves at a relay that was too busy to say so when they connected', async () => {
    const busy = await relay()
    const { libp2p } = busy
    const identify = '/ipfs/id/1.0.0'
    const { handlers } = (libp2p as Libp2p<HostServices>).services
    const handler = handlers.of(identify)
    await libp2p.unhandle(identify)
    const node = await start({ listen: [], bootstrap: [addressOf(busy)] })
    await expect.poll(() => libp2p.getConnections(node.peerId).length).toBe(1)
    await libp2p.handle(identify, handler)
    expect(node.relaying().held).toEqual([])
    await expect.poll(() => node.relaying().held.length, { timeout: 30_000 }).toBe(1)
  })

  it('does not listen at a stranger that opens a stop stream, nor announces its address', async () => {
    const one = await relay()
    const node = await hidden([one])
    const stranger = await start(LISTEN)
    const before = node.addresses().map(String)
    await node.connect(addressOf(stranger))
    await expect.poll(() => stranger.libp2p.getConnections(node.peerId).length).toBe(1)
    const stream = await stranger.libp2p.dialProtocol(node.peerId, CIRCUIT_PROTOCOLS.stop)
    const messages = lpStream(stream)
    await messages.write(encodeStopRequest(stranger.peerId.toMultihash().bytes))
    // STATUS, PERMISSION_DENIED
    expect(Buffer.from((await messages.read()).subarray()).toString('hex')).toBe('080120ca01')
    expect(node.relaying().held.map((at) => at.relay)).toEqual([one.peerId.toString()])
    expect(node.addresses().map(String)).toEqual(before)
  })

  it('is not dialled through a relay in a network that strangers do not name', async () => {
    const one = await start({ dht: 'client' })
    const id = (await start({ dht: 'client' })).peerId
    const target = (await start({ dht: 'client' })).peerId
    for (const ip of ['192.168.1.1', '169.254.169.254', '127.0.0.1', '10.0.0.1']) {
      const address = `/ip4/${ip}/tcp/80/p2p/${id.toString()}/p2p-circuit`
      await one.libp2p.peerStore.patch(target, { multiaddrs: [multiaddr(address)] })
      await expect(one.libp2p.dial(target)).rejects.toThrow('gater denied all addresses')
    }
  })

  it('is out of reach, through any relay, for those without the key of its swarm', async () => {
    const swarmKey = new Uint8Array(95)
    generateKey(swarmKey)
    // A relay that strangers can use as well: it has no key, and neither has anybody who dials through it.
    const one = await relay({ swarmKey })
    const node = await hidden([one], { swarmKey })
    const member = await start({ dht: 'client', swarmKey })
    const stranger = await start({ dht: 'client' })
    expect(await member.connect(throughRelay(one, node))).toEqual(node.peerId)
    await expect(stranger.connect(throughRelay(one, node))).rejects.toThrow()
    expect(node.libp2p.getPeers().map(String)).not.toContain(stranger.peerId.toString())
  })
})

import { afterEach, beforeEach, expect, it } from 'vitest'
import {
  createInternet,
  describeOnInternet,
  type Internet,
  type Machine,
} from '../../testing/internet/index.ts'
import { type Peer, startPeer } from '../../testing/reach/peer.ts'
import { COUNT, LISTEN, MODEL, PROMPT } from '../../testing/reach/scene.ts'

describeOnInternet('the direct path, without mDNS,', () => {
  let internet: Internet
  let bootstrap: string[]

  beforeEach(async () => {
    internet = await createInternet()
    const machine = await internet.host({ ip4: '45.1.0.1' })
    const relay = await startPeer(machine, { role: 'bootstrap', host: LISTEN })
    bootstrap = [`/ip4/45.1.0.1/tcp/4801/p2p/${relay.peerId}`]
  })
  afterEach(() => internet[Symbol.asyncDispose]())

  const nodeAt = async (machine: Machine, announce: readonly string[] = []): Promise<Peer> => {
    const engine = { model: MODEL, slots: 4, paceMs: 0 }
    const host = { ...LISTEN, bootstrap, announce }
    return await startPeer(machine, { role: 'node', engine, host })
  }
  const relayed = async (machine: Machine): Promise<Peer> => {
    const node = await nodeAt(machine)
    await node.until('reserved', ({ relaying }) => relaying.held.length === 1)
    return node
  }
  /** The client is connected to the node through the LAN; on a busy machine it may have taken the relay before. */
  const throughLan = (client: Peer, node: Peer, machine: Machine): Promise<unknown> =>
    client.until('near', ({ connections }) =>
      connections.includes(`/ip4/${machine.ip4}/tcp/4801/p2p/${node.peerId}`),
    )
  const clientAt = (machine: Machine, listen: readonly string[] = []): Promise<Peer> =>
    startPeer(machine, { role: 'client', host: { bootstrap, listen } })

  it('leads through the LAN to a node behind the same router', async () => {
    const home = await internet.router({ kind: 'symmetric' })
    const machine = await home.host()
    const node = await relayed(machine)
    const client = await clientAt(await home.host())
    const { text, record } = await client.ask(MODEL, PROMPT)
    expect(text).toBe(COUNT)
    expect(record?.attempts).toMatchObject([{ outcome: 'answered' }])
    expect(record?.attempts[0]?.relay).toBeUndefined()
    const { connections } = await client.state()
    expect(connections).toContain(`/ip4/${machine.ip4}/tcp/4801/p2p/${node.peerId}`)
  })

  it('leads through the LAN though the node has a forwarded port, which the router does not hairpin', async () => {
    const home = await internet.router({ kind: 'port-preserving' })
    const machine = await home.host()
    await home.forward(4801, machine)
    const node = await nodeAt(machine, [`/ip4/${home.ip4}/tcp/4801`])
    const client = await clientAt(await home.host())
    const { text, record } = await client.ask(MODEL, PROMPT)
    expect(text).toBe(COUNT)
    expect(record?.attempts).toMatchObject([{ outcome: 'answered' }])
    const { connections } = await client.state()
    expect(connections).toContain(`/ip4/${machine.ip4}/tcp/4801/p2p/${node.peerId}`)
  })

  it('is a relay from the outer LAN of a double NAT, and the LAN from the inner one', async () => {
    const outer = await internet.router({ kind: 'port-preserving' })
    const inner = await outer.router({ kind: 'symmetric' })
    const machine = await inner.host()
    const node = await relayed(machine)
    const outside = await clientAt(await outer.host())
    const across = await outside.ask(MODEL, PROMPT)
    expect(across.text).toBe(COUNT)
    expect(across.record?.attempts[0]?.relay).toBeDefined()
    const inside = await clientAt(await inner.host())
    expect((await inside.ask(MODEL, PROMPT)).text).toBe(COUNT)
    await throughLan(inside, node, machine)
  })

  it('does not lead to a machine with the same private address in another LAN', async () => {
    const left = await internet.router({ kind: 'symmetric' })
    const right = await internet.router({ kind: 'symmetric' })
    const node = await relayed(await left.host())
    const twin = await right.host()
    const other = await nodeAt(twin)
    await other.kill()
    const client = await clientAt(await right.host())
    const { text, record } = await client.ask(MODEL, PROMPT)
    expect(text).toBe(COUNT)
    expect(record?.attempts).toMatchObject([{ outcome: 'answered', peerId: node.peerId }])
    expect(record?.attempts[0]?.relay).toBeDefined()
  })

  it('is dialled by a node behind NAT to a public client that came through a relay', async () => {
    const home = await internet.router({ kind: 'symmetric' })
    const node = await relayed(await home.host())
    const client = await clientAt(await internet.host(), LISTEN.listen)
    const first = await client.ask(MODEL, PROMPT)
    expect(first.text).toBe(COUNT)
    await client.until('dialled', ({ connections }) =>
      connections.some((at) => at.startsWith(`/ip4/${home.ip4}/`) && at.endsWith(node.peerId)),
    )
    const { record } = await client.ask(MODEL, PROMPT)
    expect(record?.attempts).toMatchObject([{ outcome: 'answered', peerId: node.peerId }])
    expect(record?.attempts[0]?.relay).toBeUndefined()
  })
})

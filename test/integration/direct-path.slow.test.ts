import { afterEach, beforeEach, expect, it } from 'vitest'
import {
  createInternet,
  describeOnInternet,
  type Internet,
  type Machine,
} from '../../testing/internet/index.ts'
import { type Peer, startPeer } from '../../testing/reach/peer.ts'
import { COUNT, LISTEN, MODEL, PROMPT } from '../../testing/reach/scene.ts'

describeOnInternet('a direct path between two NATs', () => {
  let internet: Internet
  let relay: Peer
  let bootstrap: string[]
  const swarmKey = Buffer.from(`/key/swarm/psk/1.0.0/\n/base16/\n${'5a'.repeat(32)}\n`).toString(
    'base64',
  )

  const begin = async (settings: { readonly swarmKey?: string } = {}): Promise<void> => {
    const machine = await internet.host({ ip4: '45.1.0.1' })
    const host = { ...LISTEN, webrtc: true, ...settings }
    relay = await startPeer(machine, { role: 'bootstrap', host })
    bootstrap = [`/ip4/45.1.0.1/tcp/4801/p2p/${relay.peerId}`]
  }
  beforeEach(async () => {
    internet = await createInternet()
  })
  afterEach(() => internet[Symbol.asyncDispose]())

  const pair = async (
    left: Machine,
    right: Machine,
    { paceMs = 0, ...settings }: { paceMs?: number; swarmKey?: string; webrtc?: boolean } = {},
  ): Promise<{ readonly node: Peer; readonly client: Peer }> => {
    const engine = { model: MODEL, slots: 4, paceMs }
    const host = { bootstrap, webrtc: true, ...settings }
    const node = await startPeer(left, { role: 'node', engine, host: { ...host, ...LISTEN } })
    await node.until('reserved', ({ relaying }) => relaying.held.length === 1)
    const client = await startPeer(right, { role: 'client', host })
    return { node, client }
  }
  const machines = async (
    ...kinds: readonly ('port-preserving' | 'symmetric')[]
  ): Promise<Machine[]> => {
    const found: Machine[] = []
    for (const kind of kinds) found.push(await (await internet.router({ kind })).host())
    return found
  }
  const isOpen = ({ directPaths }: Awaited<ReturnType<Peer['state']>>): boolean =>
    directPaths.status === 'on' && directPaths.open === 1

  it.each([
    ['a public swarm', {}],
    ['a private swarm', { swarmKey }],
  ])('carries answers past the relay in %s, and survives its death', async (_, settings) => {
    await begin(settings)
    const [left, right] = await machines('port-preserving', 'port-preserving')
    const { node, client } = await pair(left as Machine, right as Machine, {
      paceMs: 20,
      ...settings,
    })
    const first = await client.ask(MODEL, PROMPT)
    expect(first.text).toBe(COUNT)
    await client.until('direct', isOpen)
    await node.until('direct', isOpen)
    const { connections } = await client.state()
    expect(connections.some((at) => at.includes('/p2p-circuit/'))).toBe(true)
    let killed: Promise<void> | undefined
    const second = await client.ask(MODEL, PROMPT, (text) => {
      if (text.includes('20,')) killed ??= relay.kill()
    })
    await killed
    expect(second.text).toBe(COUNT)
    expect(second.record?.attempts).toMatchObject([{ outcome: 'answered', path: 'webrtc' }])
    expect(second.record?.attempts[0]?.relay).toBeUndefined()
    await Promise.all([client.stop(), node.stop()])
  })

  it('is not there from behind a symmetric NAT: all stays on the relay, and nothing is left over', async () => {
    await begin()
    const [left, right] = await machines('port-preserving', 'symmetric')
    const { node, client } = await pair(left as Machine, right as Machine)
    expect((await client.ask(MODEL, PROMPT)).text).toBe(COUNT)
    const failed = await client.until(
      'failed',
      ({ directPaths }) => directPaths.status === 'on' && directPaths.lastFailure !== undefined,
    )
    expect(failed.directPaths).toMatchObject({ open: 0 })
    await node.until(
      'failed, too',
      ({ directPaths }) => directPaths.status === 'on' && directPaths.lastFailure !== undefined,
    )
    const states = await Promise.all([client.state(), node.state()])
    for (const { connections } of states)
      expect(connections.filter((at) => at.includes('/webrtc'))).toEqual([])
    const { text, record } = await client.ask(MODEL, PROMPT)
    expect(text).toBe(COUNT)
    expect(record?.attempts[0]?.relay).toBe(relay.peerId)
    await Promise.all([client.stop(), node.stop()])
  })
})

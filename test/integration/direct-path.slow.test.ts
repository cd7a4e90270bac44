import { afterEach, beforeEach, expect, it } from 'vitest'
import {
  createInternet,
  describeOnInternet,
  type Internet,
  type Machine,
  type Router,
} from '../../testing/internet/index.ts'
import { dropForwardedUdp, filterLikeFirewall, moveWithinLan } from '../../testing/reach/changes.ts'
import { type Peer, startPeer } from '../../testing/reach/peer.ts'
import { COUNT, LISTEN, MODEL, PROMPT } from '../../testing/reach/scene.ts'

describeOnInternet('a direct path between two NATs', () => {
  let internet: Internet
  let relay: Peer
  let bootstrap: string[]
  const swarmKey = Buffer.from(`/key/swarm/psk/1.0.0/\n/base16/\n${'5a'.repeat(32)}\n`).toString(
    'base64',
  )

  interface Settings {
    readonly swarmKey?: string
    readonly listen?: readonly string[]
  }

  const begin = async (settings: Settings = {}): Promise<void> => {
    const machine = await internet.host({ ip4: '45.1.0.1', ip6: '2a0e:45::1' })
    const host = { ...LISTEN, webrtc: true, ...settings }
    relay = await startPeer(machine, { role: 'bootstrap', host })
    const at = host.listen[0]?.startsWith('/ip6') === true ? '/ip6/2a0e:45::1' : '/ip4/45.1.0.1'
    bootstrap = [`${at}/tcp/4801/p2p/${relay.peerId}`]
  }
  beforeEach(async () => {
    internet = await createInternet()
  })
  afterEach(() => internet[Symbol.asyncDispose]())

  const pair = async (
    left: Machine,
    right: Machine,
    { paceMs = 0, listen = LISTEN.listen, ...settings }: { paceMs?: number } & Settings = {},
  ): Promise<{ readonly node: Peer; readonly client: Peer }> => {
    const engine = { model: MODEL, slots: 4, paceMs }
    const host = { bootstrap, webrtc: true, ...settings }
    const node = await startPeer(left, { role: 'node', engine, host: { ...host, listen } })
    await node.until('reserved', ({ relaying }) => relaying.held.length === 1)
    const client = await startPeer(right, { role: 'client', host })
    await client.until('joined', ({ connections }) => connections.length > 0)
    return { node, client }
  }
  const has =
    (open: number) =>
    ({ directPaths }: Awaited<ReturnType<Peer['state']>>): boolean =>
      directPaths.status === 'on' && directPaths.open === open
  /** A node and a client in two homes, with a direct path between them. */
  const connected = async (): Promise<{
    readonly node: Peer
    readonly client: Peer
    readonly machine: Machine
    readonly router: Router
  }> => {
    await begin()
    const router = await internet.router({ kind: 'port-preserving' })
    const machine = await (await internet.router({ kind: 'port-preserving' })).host()
    const { node, client } = await pair(machine, await router.host(), { paceMs: 40 })
    await client.ask(MODEL, 'Count from 1 to 3.')
    await client.until('direct', has(1))
    await node.until('direct', has(1))
    return { node, client, machine, router }
  }

  const machines = async (
    ...kinds: readonly ('port-preserving' | 'symmetric')[]
  ): Promise<Machine[]> => {
    const found: Machine[] = []
    for (const kind of kinds) found.push(await (await internet.router({ kind })).host())
    return found
  }

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
    await client.until('direct', has(1))
    await node.until('direct', has(1))
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

  it('is left within seconds when nothing comes over it in mid-answer, which goes on over the relay at the same peer', async () => {
    const { node, client, router } = await connected()
    let silencedAt = 0
    let last = 0
    let longestMs = 0
    let silenced: Promise<void> | undefined
    const { text, record } = await client.ask(MODEL, PROMPT, (soFar) => {
      if (silencedAt > 0) longestMs = Math.max(longestMs, performance.now() - last)
      last = performance.now()
      if (!soFar.includes('20,')) return
      silenced ??= dropForwardedUdp(router.machine).then(() => {
        silencedAt = performance.now()
      })
    })
    await silenced
    expect(text).toBe(COUNT)
    expect(record?.attempts).toMatchObject([
      { peerId: node.peerId, outcome: 'path_lost', path: 'webrtc' },
      { peerId: node.peerId, outcome: 'answered', relay: relay.peerId },
    ])
    // The wait for a peer that pauses takes ten seconds, and a ping after it three.
    expect(longestMs).toBeLessThan(10_000)
    const { directPaths, standings } = await client.state()
    expect(directPaths).toMatchObject({ open: 0 })
    expect(standings).toEqual([])
    await node.until('left', has(0))
    const again = await client.ask(MODEL, PROMPT)
    expect(again.text).toBe(COUNT)
    expect(again.record?.attempts).toMatchObject([{ outcome: 'answered', relay: relay.peerId }])
    await Promise.all([client.stop(), node.stop()])
  })

  it('is left when the node gets another address in mid-answer, which goes on at the same peer', async () => {
    const { node, client, machine } = await connected()
    let moved: Promise<void> | undefined
    const { text, record } = await client.ask(MODEL, PROMPT, (soFar) => {
      if (soFar.includes('20,')) moved ??= moveWithinLan(machine)
    })
    await moved
    expect(text).toBe(COUNT)
    expect(record?.attempts[0]).toMatchObject({ outcome: 'path_lost', path: 'webrtc' })
    expect(new Set(record?.attempts.map(({ peerId }) => peerId))).toEqual(new Set([node.peerId]))
    expect(record?.attempts.at(-1)?.outcome).toBe('answered')
    expect((await client.state()).standings).toEqual([])
    await Promise.all([client.stop(), node.stop()])
  })

  it('leads through two NATs, one behind the other, that both keep ports', async () => {
    await begin()
    const outer = await internet.router({ kind: 'port-preserving' })
    const left = await (await outer.router({ kind: 'port-preserving' })).host()
    const [right] = await machines('port-preserving')
    const { node, client } = await pair(left, right as Machine)
    expect((await client.ask(MODEL, PROMPT)).text).toBe(COUNT)
    await client.until('direct', has(1))
    const { text, record } = await client.ask(MODEL, PROMPT)
    expect(text).toBe(COUNT)
    expect(record?.attempts).toMatchObject([{ outcome: 'answered', path: 'webrtc' }])
    await Promise.all([client.stop(), node.stop()])
  })

  it('leads through firewalls over IPv6, without a STUN server', async () => {
    const listen = ['/ip6/::/tcp/4801']
    await begin({ listen })
    const left = await internet.host({ ip6: '2a0e:46::1' })
    const right = await internet.host({ ip6: '2a0e:47::1' })
    await Promise.all([left, right].map(filterLikeFirewall))
    const { node, client } = await pair(left, right, { listen })
    const first = await client.ask(MODEL, PROMPT)
    expect({ text: first.text, error: first.error }).toEqual({ text: COUNT, error: undefined })
    const { connections } = await client.until('direct', has(1))
    expect(connections.some((at) => at.startsWith('/ip6/2a0e:46::1/udp/'))).toBe(true)
    const { text, record } = await client.ask(MODEL, PROMPT)
    expect(text).toBe(COUNT)
    expect(record?.attempts).toMatchObject([{ outcome: 'answered', path: 'webrtc' }])
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

import { afterEach, beforeEach, expect, it } from 'vitest'
import { createSandbox } from '../../testing/cli/index.ts'
import {
  createInternet,
  describeOnInternet,
  type Internet,
  type Machine,
  mapPortsOnRequest,
} from '../../testing/internet/index.ts'
import { type Peer, startPeer } from '../../testing/reach/peer.ts'
import { COUNT, LISTEN, MODEL, PROMPT } from '../../testing/reach/scene.ts'

describeOnInternet('a router that maps ports', () => {
  let internet: Internet
  let bootstrap: string[]

  beforeEach(async () => {
    internet = await createInternet()
    const machine = await internet.host({ ip4: '45.1.0.1' })
    const relay = await startPeer(machine, { role: 'bootstrap', host: LISTEN })
    bootstrap = [`/ip4/45.1.0.1/tcp/4801/p2p/${relay.peerId}`]
  })
  afterEach(() => internet[Symbol.asyncDispose]())

  const nodeAt = (machine: Machine): Promise<Peer> =>
    startPeer(machine, {
      role: 'node',
      engine: { model: MODEL, slots: 4, paceMs: 0 },
      host: { ...LISTEN, bootstrap, portMapping: true },
    })

  it.each(['NAT-PMP', 'UPnP'] as const)(
    'by %s makes a node directly reachable, once a peer has dialled it back',
    async (how) => {
      const home = await internet.router({ kind: 'symmetric' })
      const done = await mapPortsOnRequest(home, { how })
      const machine = await home.host()
      const node = await nodeAt(machine)
      const { reachability, addresses, servesDht } = await node.until(
        'forwarded',
        (state) => state.reachability.status === 'forwarded' && state.servesDht,
      )
      const address = `/ip4/${home.ip4}/tcp/4801`
      expect(reachability.evidence).toMatchObject([
        { address, source: 'mapped', verdict: 'confirmed', how: 'dial-back' },
      ])
      expect(addresses).toContain(`${address}/p2p/${node.peerId}`)
      expect(servesDht).toBe(true)
      expect(done()).toContain(`mapped 4801 to ${machine.ip4}:4801`)
      const client = await startPeer(await internet.host(), { role: 'client', host: { bootstrap } })
      const { text, record } = await client.ask(MODEL, PROMPT)
      expect(text).toBe(COUNT)
      expect(record?.attempts).toMatchObject([{ outcome: 'answered' }])
      expect(record?.attempts[0]?.relay).toBeUndefined()
    },
    240_000,
  )

  it.each([
    ['says so and does not do it', { honest: false }],
    ['is behind another one', { outerIp: '192.168.7.2' }],
  ])(
    'but %s: the node announces nothing of it and goes on through a relay',
    async (_, lie) => {
      const home = await internet.router({ kind: 'symmetric' })
      const done = await mapPortsOnRequest(home, { how: 'NAT-PMP', ...lie })
      const machine = await home.host()
      const node = await nodeAt(machine)
      await expect.poll(done, { timeout: 60_000 }).toContain(`mapped 4801 to ${machine.ip4}:4801`)
      const { addresses } = await node.until(
        'tested',
        ({ reachability: { status, evidence } }) =>
          status === 'relayed' && evidence.every(({ verdict }) => verdict === 'refuted'),
      )
      expect(addresses.some((at) => at.startsWith(`/ip4/${home.ip4}/`))).toBe(false)
      expect(addresses.some((at) => at.includes('/p2p-circuit'))).toBe(true)
    },
    240_000,
  )

  it('is found by doctor, which says that a node here would be reached directly', async () => {
    const home = await internet.router({ kind: 'port-preserving' })
    const done = await mapPortsOnRequest(home, { how: 'NAT-PMP' })
    const machine = await home.host()
    const sandbox = await createSandbox()
    const args = ['doctor', '--json', '--data-dir', sandbox.home, '--bootstrap', ...bootstrap]
    const finished = await sandbox
      .run(args, { machine, env: { SKEIN_UPNP: '1' } })
      .finally(() => sandbox.close())
    const step = (name: string) =>
      finished.events().find((event) => (event as { name?: string }).name === name)
    expect(step('port mapping')?.message).toContain('NAT-PMP')
    expect(step('reachability')?.message).toContain('forwarded')
    expect(step('serving')?.message).toContain('directly')
    expect(done().some((line) => line.startsWith('mapped'))).toBe(true)
  }, 240_000)
})

import { afterEach, beforeEach, expect, it } from 'vitest'
import { describeOnInternet } from '../../testing/internet/index.ts'
import { holdIpv4, type Ipv6Loss, loseIpv6, sleepAnHour } from '../../testing/reach/changes.ts'
import { startPeer } from '../../testing/reach/peer.ts'
import { COUNT, createScene, MODEL, PROMPT, type Scene } from '../../testing/reach/scene.ts'

const BOTH = { listen: ['/ip4/0.0.0.0/tcp/4801', '/ip6/::/tcp/4801'] }

describeOnInternet('a machine that changes', () => {
  let scene: Scene

  beforeEach(async () => {
    scene = await createScene()
  })
  afterEach(() => scene[Symbol.asyncDispose]())

  it('sleeps for an hour as a node, while another one goes on with its answer, and is back at its relays', async () => {
    const relays = await Promise.all(['45.1.0.1', '45.2.0.1'].map((ip4) => scene.relay(ip4)))
    const first = await scene.pairBehindNats(relays)
    const second = await scene.pairBehindNats(relays)
    const { client } = first
    let asleep: Promise<void> | undefined
    const nodes = [first, second]
    let slept: (typeof nodes)[number] | undefined
    const { text, record, error } = await client.ask(MODEL, PROMPT, (soFar) => {
      if (!soFar.includes('20')) return
      asleep ??= (async () => {
        const { connections } = await client.state()
        slept = nodes.find(({ node }) => connections.some((at) => at.endsWith(node.peerId)))
        if (slept === undefined) throw new Error('no node')
        const others = [
          ...relays,
          ...nodes.filter((pair) => pair !== slept).map(({ node }) => ({ peer: node })),
        ]
        await sleepAnHour(slept.node, {
          home: slept.nodeHome,
          others: others.map(({ peer }) => peer),
        })
      })()
    })
    await asleep
    expect(error).toBeUndefined()
    expect(text).toBe(COUNT)
    expect(record?.resumes).toBeGreaterThan(0)
    const back = await slept?.node.until('back', ({ relaying }) => relaying.held.length === 2)
    expect(back?.peerId).toBe(slept?.node.peerId)
  }, 600_000)

  it('sleeps for an hour as a client in mid-answer, which goes on', async () => {
    const relays = await Promise.all(['45.1.0.1', '45.2.0.1'].map((ip4) => scene.relay(ip4)))
    const { client, node, clientHome } = await scene.pairBehindNats(relays)
    let asleep: Promise<void> | undefined
    const others = [node, ...relays.map(({ peer }) => peer)]
    const { text, error } = await client.ask(MODEL, PROMPT, (soFar) => {
      if (soFar.includes('20')) asleep ??= sleepAnHour(client, { home: clientHome, others })
    })
    await asleep
    expect(error).toBeUndefined()
    expect(text).toBe(COUNT)
    expect((await client.state()).standings).toEqual([])
  }, 600_000)

  it.each<[Ipv6Loss]>([['address'], ['silent']])(
    'loses IPv6 in mid-answer (%s), which goes on over IPv4 at the same peer',
    async (how) => {
      const at = await scene.internet.host({ ip4: '44.1.0.1', ip6: '2a0e:44::1' })
      const { peerId } = await startPeer(at, { role: 'bootstrap', host: BOTH })
      const bootstrap = [at.ip4, at.ip6].map(
        (ip) => `/ip${ip.includes(':') ? 6 : 4}/${ip}/tcp/4801/p2p/${peerId}`,
      )
      const node = await startPeer(
        await scene.internet.host({ ip4: '44.1.1.1', ip6: '2a0e:45::1' }),
        {
          role: 'node',
          engine: { model: MODEL, slots: 4, paceMs: 60 },
          host: { ...BOTH, bootstrap },
        },
      )
      const machine = await scene.internet.host({ ip4: '44.1.2.1', ip6: '2a0e:46::1' })
      const release = await holdIpv4(machine)
      const client = await startPeer(machine, { role: 'client', host: { bootstrap } })
      const before = await client.ask(MODEL, 'Count from 1 to 3.')
      expect(before.error).toBeUndefined()
      expect((await client.state()).connections.filter((at) => at.endsWith(node.peerId))).toEqual([
        expect.stringMatching(/^\/ip6\//),
      ])
      let lost: Promise<void> | undefined
      const { text, record, error } = await client.ask(MODEL, PROMPT, (soFar) => {
        if (soFar.includes('20')) lost ??= release().then(() => loseIpv6(machine, how))
      })
      await lost
      expect(error).toBeUndefined()
      expect(text).toBe(COUNT)
      expect(record?.attempts.map((attempt) => [attempt.peerId, attempt.outcome])).toEqual([
        [node.peerId, 'path_lost'],
        [node.peerId, 'answered'],
      ])
      const { connections, standings } = await client.state()
      expect(connections.filter((at) => at.endsWith(node.peerId))).toEqual([
        expect.stringMatching(/^\/ip4\//),
      ])
      expect(standings).toEqual([])
    },
    600_000,
  )
})

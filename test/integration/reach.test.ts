import { afterEach, beforeEach, expect, it } from 'vitest'
import { describeOnInternet } from '../../testing/internet/index.ts'
import { startPeer } from '../../testing/reach/peer.ts'
import {
  busiest,
  COUNT,
  createScene,
  MODEL,
  PROMPT,
  type Scene,
} from '../../testing/reach/scene.ts'

// The core: `reach.slow.test.ts`, `relays.slow.test.ts` and `direct-paths.slow.test.ts` have the other situations.
const ANYWHERE = { listen: ['/ip4/0.0.0.0/tcp/4801', '/ip6/::/tcp/4801'] }

describeOnInternet('a swarm across the Internet', () => {
  let scene: Scene

  beforeEach(async () => {
    scene = await createScene()
  })
  afterEach(() => scene[Symbol.asyncDispose]())

  it('answers between public hosts over IPv4 and IPv6, at addresses that were dialled back', async () => {
    const at = await scene.internet.host({ ip4: '44.1.0.1', ip6: '2a0e:44::1' })
    const { peerId } = await startPeer(at, { role: 'bootstrap', host: ANYWHERE })
    const over4 = [`/ip4/${at.ip4}/tcp/4801/p2p/${peerId}`]
    const over6 = [`/ip6/${at.ip6}/tcp/4801/p2p/${peerId}`]
    const serving = await scene.internet.host({ ip4: '44.1.1.1', ip6: '2a0e:45::1' })
    const engine = { model: MODEL, slots: 4, paceMs: 0 }
    const host = { ...ANYWHERE, bootstrap: over4 }
    const node = await startPeer(serving, { role: 'node', engine, host })
    const { reachability, servesDht } = await node.until(
      'confirmed',
      (state) =>
        state.reachability.evidence.length === 2 &&
        state.reachability.evidence.every(({ verdict }) => verdict === 'confirmed'),
    )
    expect(reachability.status).toBe('public')
    expect(reachability.evidence).toMatchObject([{ source: 'interface' }, { source: 'interface' }])
    expect(servesDht).toBe(true)
    const clients = await Promise.all([
      startPeer(await scene.internet.host({ ip4: '44.1.2.1' }), {
        role: 'client',
        host: { bootstrap: over4 },
      }),
      startPeer(await scene.internet.host({ ip6: '2a0e:46::1' }), {
        role: 'client',
        host: { bootstrap: over6 },
      }),
    ])
    for (const client of clients) {
      const { text, error } = await client.ask(MODEL, PROMPT)
      expect({ text, error }).toEqual({ text: COUNT, error: undefined })
    }
  }, 240_000)

  it('goes on over another relay, at the same peer, when one dies in mid-answer between two symmetric NATs', async () => {
    const relays = await Promise.all(['45.1.0.1', '45.2.0.1'].map((ip4) => scene.relay(ip4)))
    const { client, node } = await scene.pairBehindNats(relays)
    let killed: Promise<void> | undefined
    const { text, record, error } = await client.ask(MODEL, PROMPT, (soFar) => {
      if (soFar.includes('20')) killed ??= busiest(relays).then((path) => path?.kill())
    })
    await killed
    expect(error).toBeUndefined()
    expect(text).toBe(COUNT)
    expect(record?.resumes).toBe(1)
    const [lost, went] = record?.attempts ?? []
    expect(lost).toMatchObject({ peerId: node.peerId, outcome: 'path_lost' })
    expect(went).toMatchObject({ peerId: node.peerId, outcome: 'answered', exact: true })
    expect(lost?.relay).not.toBe(went?.relay)
    expect(lost?.relayedBytes).toBeGreaterThan(0)
    expect((await client.state()).standings).toEqual([])
    expect((await node.state()).servesDht).toBe(false)
    await node.until(
      'reserved at the one that is left',
      ({ relaying }) => relaying.held.length === 1,
    )
  }, 240_000)
})

import { afterEach, beforeEach, expect, it } from 'vitest'
import { describeOnInternet } from '../../testing/internet/index.ts'
import { moveWithinLan } from '../../testing/reach/changes.ts'
import { startPeer } from '../../testing/reach/peer.ts'
import {
  busiest,
  COUNT,
  createScene,
  LISTEN,
  MODEL,
  PROMPT,
  type Scene,
} from '../../testing/reach/scene.ts'

describeOnInternet('relays', () => {
  let scene: Scene

  beforeEach(async () => {
    scene = await createScene()
  })
  afterEach(() => scene[Symbol.asyncDispose]())

  it('carry answers between two symmetric NATs, from fresh data directories', async () => {
    const { peer: bootstrap, address } = await scene.relay('45.1.0.1')
    const left = await scene.internet.router({ kind: 'symmetric' })
    const right = await scene.internet.router({ kind: 'symmetric' })
    const host = { ...LISTEN, bootstrap: [address] }
    const engine = { model: MODEL, slots: 4, paceMs: 5 }
    const node = await startPeer(await left.host(), { role: 'node', engine, host })
    const client = await startPeer(await right.host(), {
      role: 'client',
      host: { bootstrap: [address] },
    })
    const { text, record } = await client.ask(MODEL, PROMPT)
    expect(text).toBe(COUNT)
    expect(record?.attempts).toHaveLength(1)
    expect((await client.state()).connections.some((at) => at.includes('p2p-circuit'))).toBe(true)
    const { relaying, servesDht } = await bootstrap.state()
    const { use } = relaying
    expect(servesDht).toBe(true)
    expect((await node.state()).servesDht).toBe(false)
    expect(use).toMatchObject({ reservations: 1, circuits: 1, refused: 0 })
    expect(use?.bytes).toBeGreaterThan(text.length)
  }, 600_000)

  it('go on over the other relay, at the same peer, when one freezes in mid-answer', async () => {
    const relays = [await scene.relay('45.1.0.1'), await scene.relay('45.2.0.1')]
    // Another node serves the same model: the first one is asked again all the same.
    await scene.pairBehindNats(relays)
    const { client } = await scene.pairBehindNats(relays)
    await client.ask(MODEL, PROMPT)
    let frozen: Promise<void> | undefined
    const { text, record, error } = await client.ask(MODEL, PROMPT, (soFar) => {
      if (soFar.includes('20')) frozen ??= busiest(relays).then((path) => path?.freeze())
    })
    await frozen
    expect(error).toBeUndefined()
    expect(text).toBe(COUNT)
    // Either another node goes on, asked over the other relay when the answer paused, or the same one does.
    const relayed = record?.attempts.map(
      ({ relay, deliveredTokens }) => deliveredTokens > 0 && relay,
    )
    expect(new Set(relayed?.filter(Boolean)).size).toBe(2)
    expect(record?.attempts.map(({ outcome }) => outcome)).not.toContain('stalled')
    expect((await client.state()).standings).toEqual([])
  }, 600_000)

  it('leave the peer its standing when both die in mid-answer, and say so', async () => {
    const relays = [await scene.relay('45.1.0.1'), await scene.relay('45.2.0.1')]
    const { client, node } = await scene.pairBehindNats(relays)
    let killed: Promise<unknown> | undefined
    const { text, record, error } = await client.ask(MODEL, PROMPT, (soFar) => {
      if (!soFar.includes('20')) return
      killed ??= Promise.all(relays.map(({ peer }) => peer.kill()))
    })
    await killed
    expect(error).toBeDefined()
    expect(COUNT.startsWith(text)).toBe(true)
    expect(record?.attempts[0]).toMatchObject({ peerId: node.peerId, outcome: 'path_lost' })
    // No standing was lost, and the same node is found again as soon as one relay is back.
    expect((await client.state()).standings).toEqual([])
    await relays[0]?.restart()
    await node.until('reserved again', ({ relaying }) => relaying.held.length === 1)
    await client.until('back', ({ connections }) => connections.length > 0)
    const again = await client.ask(MODEL, PROMPT)
    expect(again.text).toBe(COUNT)
  }, 600_000)

  it('carry an answer on when the node gets another address in mid-answer', async () => {
    const relays = [await scene.relay('45.1.0.1'), await scene.relay('45.2.0.1')]
    const { client, node, machine } = await scene.pairBehindNats(relays, 60)
    let moved: Promise<unknown> | undefined
    const { text, record, error } = await client.ask(MODEL, PROMPT, (soFar) => {
      if (soFar.includes('20')) moved ??= moveWithinLan(machine)
    })
    await moved
    expect(error).toBeUndefined()
    expect(text).toBe(COUNT)
    expect(new Set(record?.attempts.map(({ peerId }) => peerId))).toEqual(new Set([node.peerId]))
    const { peerId, addresses } = await node.until(
      'back',
      ({ relaying }) => relaying.held.length === 2,
    )
    expect(peerId).toBe(node.peerId)
    expect(addresses.some((address) => address.includes('192.168.1.77'))).toBe(true)
  }, 600_000)
})

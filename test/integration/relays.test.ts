import { afterEach, beforeEach, expect, it } from 'vitest'
import { createInternet, describeOnInternet, type Internet } from '../fixtures/internet/index.ts'
import { type Peer, startPeer } from '../fixtures/reach/peer.ts'

const LISTEN = { listen: ['/ip4/0.0.0.0/tcp/4801'] }
const MODEL = 'counter'
const PROMPT = 'Count from 1 to 100.'
const COUNT = `${Array.from({ length: 100 }, (_, index) => index + 1).join(', ')}.`

describeOnInternet('relays', () => {
  let internet: Internet

  beforeEach(async () => {
    internet = await createInternet()
  })
  afterEach(async () => {
    await internet[Symbol.asyncDispose]()
  })

  const relay = async (ip4: string): Promise<{ peer: Peer; address: string }> => {
    const peer = await startPeer(await internet.host({ ip4 }), { role: 'bootstrap', host: LISTEN })
    return { peer, address: `/ip4/${ip4}/tcp/4801/p2p/${peer.peerId}` }
  }

  it('carry answers between two symmetric NATs, from fresh data directories', async () => {
    const { peer: bootstrap, address } = await relay('45.1.0.1')
    const left = await internet.router({ kind: 'symmetric' })
    const right = await internet.router({ kind: 'symmetric' })
    const host = { ...LISTEN, bootstrap: [address] }
    const engine = { model: MODEL, slots: 4, paceMs: 5 }
    await startPeer(await left.host(), { role: 'node', engine, host })
    const client = await startPeer(await right.host(), {
      role: 'client',
      host: { bootstrap: [address] },
    })
    const { text, record } = await client.ask(MODEL, PROMPT)
    expect(text).toBe(COUNT)
    expect(record?.attempts).toHaveLength(1)
    expect((await client.state()).connections.some((at) => at.includes('p2p-circuit'))).toBe(true)
    const { use } = (await bootstrap.state()).relaying
    expect(use).toMatchObject({ reservations: 1, circuits: 1, refused: 0 })
    expect(use?.bytes).toBeGreaterThan(text.length)
  }, 120_000)
})

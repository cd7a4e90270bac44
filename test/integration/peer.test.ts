import { afterEach, describe, expect, it } from 'vitest'
import { createScriptedBackend } from '../../backend/index.ts'
import { createPeer, type Peer, type PeerInit } from '../../peer/index.ts'

const listen = ['/ip4/127.0.0.1/tcp/0']
const open: AsyncDisposable[] = []

afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await thing[Symbol.asyncDispose]()
})

async function peer(
  init: Partial<PeerInit> = {},
  bootstrap: readonly string[] = [],
): Promise<Peer> {
  const created = await createPeer({ ...init, host: { listen, bootstrap } })
  open.push(created)
  return created
}

const engine = (paceMs = 0) =>
  createScriptedBackend({ models: [{ id: 'm', digest: `sha256:${'a'.repeat(64)}` }], paceMs })
const addressesOf = ({ host }: Peer) => host.addresses().map(String)
const idOf = ({ host }: Peer) => host.peerId.toString()
const question = (count: number) => ({
  model: 'm',
  temperature: 0,
  messages: [{ role: 'user' as const, content: `Count from 1 to ${count}.` }],
})

describe('a peer that shares and asks over one host', () => {
  it('answers itself without a connection, and lists itself', async () => {
    const alone = await peer({ backend: engine() })
    const answer = await alone.client.chat(question(5))
    expect(answer.choices[0]?.message.content).toContain('5')
    expect(answer.skein.peerId).toBe(idOf(alone))
    expect(alone.host.libp2p.getConnections()).toEqual([])
    const [listed] = await alone.client.peers()
    expect(listed).toMatchObject({ peerId: idOf(alone), models: ['m'], state: 'ready' })
  })

  it('admits its own requests like those of others, and first under an allow list', async () => {
    const stranger = '12D3KooWKrsAvMuBgZXggEFFPc2c5wgE9XV8EfAfg3HChhvrmHRc'
    const alone = await peer({ backend: engine(10), allow: [stranger] })
    const answer = alone.client.chat({ ...question(40), stream: true })
    const inFlight: (number | undefined)[] = []
    for await (const _ of answer) inFlight.push(alone.node?.load().inFlight)
    expect(inFlight[0]).toBe(1)
    expect(alone.node?.load().inFlight).toBe(0)
  })

  it('is one voice in a quorum, which needs another peer', async () => {
    const first = await peer({ backend: engine() })
    await expect(
      first.client.chat(question(5), { policy: 'quorum:2-of-2', timeoutMs: 4_000 }),
    ).rejects.toMatchObject({ code: 'quorum_not_reached' })
    const second = await peer({ backend: engine() }, addressesOf(first))
    await expect.poll(async () => (await first.client.peers()).length, { timeout: 30_000 }).toBe(2)
    const { skein } = await first.client.chat(question(5), { policy: 'quorum:2-of-2' })
    expect(skein.agreement).toMatchObject({ answers: 2, agreeing: 2 })
    expect(new Set(skein.attempts.map(({ peerId }) => peerId))).toEqual(
      new Set([idOf(first), idOf(second)]),
    )
  })

  it('asks others when it shares nothing, and introduces them', async () => {
    const first = await peer()
    const sharing = await peer({ backend: engine() }, addressesOf(first))
    await expect.poll(async () => (await first.client.models().catch(() => [])).length).toBe(1)
    const { skein } = await first.client.chat(question(3))
    expect(skein.peerId).toBe(idOf(sharing))
  })
})

import { afterAll, beforeAll, expect, it } from 'vitest'
import { createScriptedBackend } from '../../backend/index.ts'
import type { Client } from '../../client/index.ts'
import { createPeer, type Peer } from '../../peer/index.ts'
import { LiveSwarm } from '../../testing/swarms/live-swarm.ts'

let swarm: LiveSwarm
let asker: Client
/** Serves and asks. */
let peer: Peer
let nodeId: string

const ask = async (client: Client, trusted?: string): Promise<string> => {
  const messages = [{ role: 'user', content: 'Hi.' }] as const
  const options = trusted === undefined ? {} : { trusted: [trusted] }
  const { skein } = await client.chat({ model: 'm', messages }, { ...options, maxAttempts: 2 })
  return skein.peerId
}

beforeAll(async () => {
  swarm = await LiveSwarm.create()
  const { node } = await swarm.node()
  nodeId = node.host.peerId.toString()
  asker = await swarm.client()
  peer = await createPeer({
    host: { listen: ['/ip4/127.0.0.1/tcp/0'], bootstrap: swarm.addresses },
    backend: createScriptedBackend({ models: [{ id: 'm' }] }),
  })
})

afterAll(async () => {
  await peer?.[Symbol.asyncDispose]()
  await swarm?.[Symbol.asyncDispose]()
})

it('a denied peer is not asked, from the next request on, until its mark is taken back', async () => {
  const peerId = peer.host.peerId.toString()
  await asker.mark(nodeId, 'denied')
  for (let n = 0; n < 4; n += 1) expect(await ask(asker)).toBe(peerId)
  await asker.mark(peerId, 'denied')
  await expect(ask(asker)).rejects.toMatchObject({
    code: 'no_peers',
    message: expect.stringContaining('quarantined or denied'),
  })
  await asker.mark(nodeId, undefined)
  expect(await ask(asker)).toBe(nodeId)
  await asker.mark(peerId, undefined)
})

it('a denied peer is not served', async () => {
  const askerId = asker.host.peerId.toString()
  const peerId = peer.host.peerId.toString()
  expect(await ask(asker, peerId)).toBe(peerId)
  await peer.client.mark(askerId, 'denied')
  await expect(ask(asker, peerId)).rejects.toMatchObject({ code: 'unauthorized' })
  await peer.client.mark(askerId, 'trusted')
  expect(await ask(asker, peerId)).toBe(peerId)
})

it('marks have others’ ids only', async () => {
  await expect(asker.mark('acme-operator', 'trusted')).rejects.toMatchObject({
    code: 'invalid_request',
  })
  await expect(asker.mark(asker.host.peerId.toString(), 'denied')).rejects.toMatchObject({
    code: 'invalid_request',
  })
})

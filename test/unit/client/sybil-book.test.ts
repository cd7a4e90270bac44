import { afterEach, describe, expect, it } from 'vitest'
import { answers } from '../../../testing/swarms/client-peers.ts'
import { FakeSwarm, type FakeSwarmInit } from '../../../testing/swarms/fake-swarm.ts'

const request = { model: 'm', messages: [{ role: 'user', content: 'hi' }] }
const boast = { prefillRate: 1e9, decodeRate: 1e9, slots: 64 }

let swarm: FakeSwarm | undefined
afterEach(async () => {
  await swarm?.close()
  swarm = undefined
})

/** A swarm whose book holds peers that an attacker invented: nothing listens at their addresses. */
async function flooded(count: number, init: FakeSwarmInit = {}): Promise<FakeSwarm> {
  const made = await FakeSwarm.create(init)
  for (let i = 0; i < count; i += 1) {
    const peer = await made.add(answers('never'), { advertisement: boast })
    made.remove(peer)
    made.tell(peer)
  }
  return made
}

describe('a book full of invented peers', () => {
  it('costs no attempt while a peer that the client has met is available', async () => {
    swarm = await flooded(80)
    const honest = await swarm.add(answers('hello'))
    for (let i = 0; i < 5; i += 1) {
      const { skein } = await swarm.requester.chat(request)
      expect(skein.peerId).toBe(honest.key)
      expect(skein.attempts).toHaveLength(1)
    }
  })

  it('fails the request without the order of acquaintance (control)', async () => {
    swarm = await flooded(80, { believesHearsay: true })
    await swarm.add(answers('hello'))
    await expect(swarm.requester.chat(request)).rejects.toMatchObject({ code: 'dial_failed' })
  })

  it('makes a new client look up first and ask the peer that it meets there', async () => {
    swarm = await flooded(80, { hidden: true })
    const honest = await swarm.add(answers('hello'))
    const { skein } = await swarm.requester.chat(request)
    expect(skein.peerId).toBe(honest.key)
    expect(skein.attempts).toHaveLength(1)
  })

  it('does not use up the unreachable peers that a request may meet', async () => {
    swarm = await flooded(40)
    const honest = await swarm.add(answers('hello'))
    const limits = { maxUnreachable: 4 }
    const options = { limits, policy: 'single' } as const
    expect((await swarm.requester.chat(request, options)).skein.peerId).toBe(honest.key)
  })

  it('is tried if no other peer is left, as one of its peers may exist', async () => {
    swarm = await FakeSwarm.create()
    const peer = await swarm.add(answers('hello'))
    swarm.tell(peer)
    expect((await swarm.requester.chat(request)).skein.peerId).toBe(peer.key)
  })
})

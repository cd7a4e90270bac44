import { describe, expect, it } from 'vitest'
import { revokeMember } from '../../host/index.ts'
import { addressesOf } from './host-peers.ts'
import { inviteTo, joinWith, newSwarm, openMembership, startMember } from './member-peers.ts'

const ECHO = '/test/echo/1.0.0'

describe('a swarm with members', () => {
  it('ends the streams of a revoked member, and no others', async () => {
    const office = await newSwarm()
    const admin = await startMember(office)
    const studio = await joinWith(await inviteTo(office, admin, { name: 'studio' }))
    const laptop = await joinWith(await inviteTo(office, admin, { name: 'laptop', role: 'client' }))
    const first = await startMember(studio)
    const second = await startMember(laptop)
    for (const host of [admin, first, second]) {
      await host.libp2p.handle(ECHO, (stream) => {
        stream.addEventListener('message', ({ data }) => stream.send(data))
      })
    }
    const bootstrap = addressesOf(first)[0] ?? ''
    await second.connect(bootstrap)
    const kept = await second.libp2p.dialProtocol(admin.peerId, ECHO)
    const cut = await second.libp2p.dialProtocol(first.peerId, ECHO)
    const ended = new Promise((resolve) => cut.addEventListener('close', resolve))
    await revokeMember(await openMembership(office), 'studio', { nowMs: Date.now() })
    await ended
    expect(cut.status).not.toBe('open')
    expect(kept.status).toBe('open')
    await expect(
      second.connect(bootstrap).then(() => second.libp2p.dialProtocol(first.peerId, ECHO)),
    ).rejects.toThrow()
  })
})

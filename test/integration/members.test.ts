import type { Stream } from '@libp2p/interface'
import { beforeEach, describe, expect, it } from 'vitest'
import {
  askOnce,
  type Host,
  promoteMember,
  readOwnerKey,
  revokeMember,
  swarmKeyOf,
} from '../../host/index.ts'
import {
  decodeMembershipAnswer,
  encodeAdvertisementRequest,
  encodeMembershipQuestion,
  FrameWriter,
  MAX_MEMBERSHIP_BYTES,
  type MemberHello,
  PROTOCOLS,
} from '../../protocol/index.ts'
import { addressesOf, advertise, startHost } from './host-peers.ts'
import { inviteTo, joinWith, newSwarm, openMembership, startMember } from './member-peers.ts'

const ECHO = '/test/echo/1.0.0'

/** The directory of the first admin, and its host. */
let office: string
let admin: Host

beforeEach(async () => {
  office = await newSwarm()
  admin = await startMember(office, { relay: 'always' })
})

const revoke = async (name: string): Promise<void> => {
  await revokeMember(await openMembership(office), name, { nowMs: Date.now() })
}

const closed = (stream: Stream): Promise<void> =>
  new Promise((resolve) => {
    if (stream.status !== 'open') resolve()
    else stream.addEventListener('close', () => resolve(), { once: true })
  })

/** Ways to a member: where it listens, and what is in the addresses of its connections. */
const WAYS: readonly [way: string, listen: readonly string[], sign: string][] = [
  ['TCP', ['/ip4/127.0.0.1/tcp/0'], '/tcp/'],
  ['WebSockets', ['/ip4/127.0.0.1/tcp/0/ws'], '/ws'],
  ['a relay', [], '/p2p-circuit'],
]

describe('a revoked member', () => {
  it.each(WAYS)(
    'loses its streams over %s at once, and no other member does',
    async (_way, listen, sign) => {
      const first = await startMember(
        await joinWith(await inviteTo(office, admin, { name: 'studio' })),
        { listen, bootstrap: addressesOf(admin) },
      )
      const isRelayed = listen.length === 0
      if (isRelayed) await first.relayed({ timeoutMs: 20_000 })
      const second = await startMember(
        await joinWith(await inviteTo(office, admin, { name: 'laptop', role: 'client' })),
      )
      for (const host of [admin, first, second]) {
        await host.libp2p.handle(ECHO, (stream) => {
          stream.addEventListener('message', ({ data }) => stream.send(data))
        })
      }
      const address = isRelayed
        ? `${addressesOf(admin)[0]}/p2p-circuit/p2p/${first.peerId.toString()}`
        : (addressesOf(first)[0] ?? '')
      await second.connect(address)
      const [connection] = second.libp2p.getConnections(first.peerId)
      expect(connection?.remoteAddr.toString()).toContain(sign)
      const kept = await second.libp2p.dialProtocol(admin.peerId, ECHO)
      const cut = await second.libp2p.dialProtocol(first.peerId, ECHO)
      await revoke('studio')
      await closed(cut)
      expect(kept.status).toBe('open')
      const again = second
        .connect(address)
        .then(() => second.libp2p.dialProtocol(first.peerId, ECHO))
      await expect(again).rejects.toThrow()
      await expect(first.libp2p.dialProtocol(admin.peerId, ECHO)).rejects.toThrow()
    },
  )

  it('is told why, however often it asks', async () => {
    const faults: string[] = []
    const studio = await startMember(
      await joinWith(await inviteTo(office, admin, { name: 'studio' })),
      { onFault: (message) => faults.push(message) },
    )
    await admin.libp2p.handle(ECHO, () => {})
    const [address = ''] = addressesOf(admin)
    await studio.connect(address)
    const cut = await studio.libp2p.dialProtocol(admin.peerId, ECHO)
    await revoke('studio')
    await closed(cut)
    // Far more than the hellos of one peer that are verified in a row.
    for (let count = 0; count < 30; count += 1) {
      const asked = studio
        .connect(address)
        .then(() => studio.libp2p.dialProtocol(admin.peerId, ECHO))
      await expect(asked).rejects.toThrow()
    }
    expect(new Set(faults)).toEqual(
      new Set([
        'a member does not accept this machine: its membership was revoked: ask an admin of the swarm for a new invite',
      ]),
    )
  })
})

describe('a member that is promoted', () => {
  it('is an admin at once to those that are connected to it', async () => {
    const studio = await startMember(
      await joinWith(await inviteTo(office, admin, { name: 'studio' })),
    )
    await studio.libp2p.dialProtocol(admin.peerId, '/ipfs/ping/1.0.0')
    const roles = (): unknown => studio.membership?.role
    expect(roles()).toBe('node')
    const ownerKey = await readOwnerKey(office)
    await promoteMember(await openMembership(office), 'studio', { nowMs: Date.now(), ownerKey })
    await expect.poll(roles, { timeout: 30_000 }).toBe('admin')
    await expect
      .poll(() => admin.membership?.connected().map(({ role }) => role), { timeout: 30_000 })
      .toEqual(['admin'])
  })
})

describe('an invite', () => {
  it('is used once, and passed on to an admin by a member that is not one', async () => {
    const node = await startMember(
      await joinWith(await inviteTo(office, admin, { name: 'studio' })),
    )
    const invite = await inviteTo(office, node, { name: 'laptop' })
    const laptop = await openMembership(await joinWith(invite))
    expect(laptop.certificate).toMatchObject({ name: 'laptop', role: 'node' })
    await expect(joinWith(invite)).rejects.toThrow('the invite has been used')
    await expect(joinWith(invite)).rejects.toMatchObject({ code: 'invalid_request' })
  })

  it('is worth nothing once it was revoked', async () => {
    const invite = await inviteTo(office, admin, { name: 'laptop' })
    await revoke('laptop')
    await expect(joinWith(invite)).rejects.toThrow('the invite is unknown or was revoked')
  })
})

describe('a client', () => {
  it('is not believed when it advertises, and not asked to serve', async () => {
    const client = await startMember(
      await joinWith(await inviteTo(office, admin, { name: 'laptop', role: 'client' })),
    )
    await client.connect(addressesOf(admin)[0] ?? '')
    // Opened once both sides have proved themselves.
    await client.libp2p.dialProtocol(admin.peerId, '/ipfs/ping/1.0.0')
    const envelope = await advertise(client)
    await client.libp2p.handle(PROTOCOLS.inference, () => {})
    await expect(admin.fetchAdvertisement(client.peerId)).rejects.toThrow('may not serve')
    await expect(admin.book.add(envelope)).rejects.toThrow('may not serve')
    await expect(
      admin.libp2p.dialProtocol(client.peerId, PROTOCOLS.inference),
    ).rejects.toMatchObject({ code: 'dial_failed' })
    expect(admin.book.all()).toEqual([])
  })
})

describe('a stranger with the pre-shared key', () => {
  /** Says hello to the admin as anybody may, and reads the answer. */
  const greet = async (stranger: Host, hello: Partial<MemberHello>): Promise<unknown> => {
    const { swarmId } = await openMembership(office)
    const empty = { certificate: new Uint8Array(), issuerCertificate: new Uint8Array() }
    const frame = await askOnce(
      {
        ...{ libp2p: stranger.libp2p, peer: admin.peerId, protocol: PROTOCOLS.membership },
        request: encodeMembershipQuestion({
          type: 'hello',
          hello: {
            swarmId,
            nowMs: Date.now(),
            heads: [],
            keyNumber: 0,
            badge: empty.certificate,
            ...empty,
            ...hello,
          },
        }),
        ...{ maxResponseBytes: MAX_MEMBERSHIP_BYTES, timeoutMs: 10_000 },
      },
      {},
    )
    return decodeMembershipAnswer(frame)
  }

  it('is served by no protocol, and gets nowhere with the certificate of a member', async () => {
    const studio = await openMembership(
      await joinWith(await inviteTo(office, admin, { name: 'studio' })),
    )
    const member = await startMember(studio.directory)
    const stranger = await startHost({ swarmKey: swarmKeyOf(studio.secret), peerExchange: false })
    await stranger.connect(addressesOf(admin)[0] ?? '')
    const [connection] = stranger.libp2p.getConnections(admin.peerId)
    if (connection === undefined) throw new Error('not connected')
    const protocols = admin.libp2p.getProtocols().filter((name) => name !== PROTOCOLS.membership)
    expect(protocols.length).toBeGreaterThan(6)
    let received = 0
    const streams: Stream[] = []
    for (const protocol of protocols) {
      const stream = await connection.newStream(protocol, { runOnLimitedConnection: true })
      stream.addEventListener('message', () => {
        received += 1
      })
      void new FrameWriter(stream).write(encodeAdvertisementRequest(8), {}).catch(() => undefined)
      streams.push(stream)
    }
    const answer = await greet(stranger, {
      certificate: studio.certificate.bytes,
      issuerCertificate: studio.issuerCertificate?.bytes ?? new Uint8Array(),
      badge: await studio.badgeFor(member.peerId),
    })
    expect(answer).toMatchObject({ type: 'refused', reason: 'not_a_member' })
    await Promise.all(streams.map(closed))
    expect(received).toBe(0)
    expect(admin.book.all()).toEqual([])
  })

  it('is dropped for a hello that is no hello', async () => {
    const { secret } = await openMembership(office)
    const stranger = await startHost({ swarmKey: swarmKeyOf(secret), peerExchange: false })
    await stranger.connect(addressesOf(admin)[0] ?? '')
    await expect(greet(stranger, {})).rejects.toThrow()
  })
})

import type { Connection } from '@libp2p/interface'
import { streamPair } from '@libp2p/utils'
import { multiaddr } from '@multiformats/multiaddr'
import { expect, it } from 'vitest'
import { MemberExchange } from '../../../../host/members/exchange.ts'
import type { MemberExchangeInit } from '../../../../host/members/exchange-init.ts'
import { MembershipGate } from '../../../../host/members/gate.ts'
import { MEMBERSHIP } from '../../../../host/members/limits.ts'
import { encodeMembershipQuestion, FrameWriter, sealBadge } from '../../../../protocol/index.ts'
import { VirtualClock } from '../../../../testing/virtual-clock.ts'
import { DAY_MS, NOW_MS, newParty, newScene } from './list-maker.ts'

/** An exchange with one connected member, which says that it has the owner's list of this number. */
async function exchangeWithMember(number: number) {
  const scene = await newScene()
  const { owner, roster, certify } = scene
  const { swarmId } = roster
  const [self, peer] = [await newParty(), await newParty()]
  const listeners = new Set<() => void>()
  const { promise: follows, resolve } = Promise.withResolvers<void>()
  const membership = {
    ...{ roster, swarmId, memberKey: self.key, issuerCertificate: undefined },
    certificate: await certify(owner, self, { role: 'admin' }),
    keys: { number: () => 0, keyFor: () => undefined },
    badgeFor: () => sealBadge({ swarmId, peer: self.id }, self.key),
    onChange: (listener: () => void) => {
      listeners.add(listener)
      resolve()
      return () => listeners.delete(listener)
    },
  }
  const ends: Error[] = []
  const connection = Object.assign(new EventTarget(), {
    ...{ remotePeer: peer.id, remoteAddr: multiaddr('/ip4/127.0.0.1/tcp/1'), status: 'open' },
    newStream: () => Promise.reject(new Error('nothing to ask')),
    abort: (error: Error) => ends.push(error),
  }) as unknown as Connection
  const time = { ms: NOW_MS }
  const clock = new VirtualClock()
  const exchange = new MemberExchange({
    ...{ membership, clock, gate: new MembershipGate(clock), wall: () => time.ms },
    libp2p: Object.assign(new EventTarget(), {
      ...{ peerId: self.id, getConnections: () => [connection] },
    }),
    clocks: { heard: () => undefined, timeOfMajority: () => undefined },
    signal: new AbortController().signal,
    onMember: () => undefined,
    onFault: () => undefined,
    onError: (_: string, error: unknown) => {
      throw error
    },
  } as unknown as MemberExchangeInit)
  const hello = {
    ...{ swarmId, nowMs: NOW_MS, issuerCertificate: new Uint8Array() },
    certificate: (await certify(owner, peer)).bytes,
    badge: await sealBadge({ swarmId, peer: peer.id }, peer.key),
    keyNumber: 0,
    heads: [{ issuer: owner.id, number }],
  }
  const [out, stream] = await streamPair({ delay: 0 })
  const writer = new FrameWriter(out)
  await writer.write(encodeMembershipQuestion({ type: 'hello', hello }))
  await writer.close()
  await exchange.handle(stream, connection)
  return { ...scene, exchange, listeners, follows, clock, time, ends }
}

it('spreading waits for the lists that a member has', async () => {
  const { exchange, listeners, follows, owner, roster, list } = await exchangeWithMember(2)
  const spreading = exchange.spread({ signal: new AbortController().signal })
  await follows
  roster.take(await list(owner, 1))
  for (const listener of listeners) listener()
  expect(listeners.size).toBe(1)
  roster.take(await list(owner, 2))
  for (const listener of listeners) listener()
  expect(await spreading).toBe(1)
  expect(listeners.size).toBe(0)
})

it('spreading that was given up follows the lists no longer', async () => {
  const { exchange, listeners, follows } = await exchangeWithMember(2)
  const controller = new AbortController()
  const spreading = exchange.spread({ signal: controller.signal })
  await follows
  expect(listeners.size).toBe(1)
  controller.abort(new Error('too late'))
  await expect(spreading).rejects.toThrow('too late')
  expect(listeners.size).toBe(0)
})

it('spreading waits a moment only, and once, for a list that a member names and does not send', async () => {
  const { exchange, listeners, follows, owner, roster, list, clock } = await exchangeWithMember(
    Number.MAX_SAFE_INTEGER,
  )
  roster.take(await list(owner, 1))
  const { signal } = new AbortController()
  const spreading = exchange.spread({ signal })
  await follows
  await clock.advance(MEMBERSHIP.catchUpMs)
  // It says that it has a later list than ours, which it did not get.
  expect(await spreading).toBe(0)
  expect(await exchange.spread({ signal })).toBe(0)
  expect(listeners.size).toBe(0)
})

it('a partitioned machine cuts a member off when its certificate expires', async () => {
  const { exchange, clock, time, ends } = await exchangeWithMember(0)
  exchange.start()
  time.ms = NOW_MS + 30 * DAY_MS + MEMBERSHIP.expiryToleranceMs
  await clock.advance(MEMBERSHIP.checkIntervalMs)
  expect(ends).toEqual([])
  time.ms += 1
  await clock.advance(MEMBERSHIP.checkIntervalMs)
  expect(ends.map(({ message }) => message)).toEqual([expect.stringContaining('has expired')])
})

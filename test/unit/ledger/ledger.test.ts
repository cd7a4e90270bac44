import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { PeerId } from '@libp2p/interface'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Ledger, type LedgerInit } from '../../../ledger/index.ts'
import { Random } from '../../../testing/index.ts'
import { NOW, type Party, party, receiptOf } from './receipts.ts'

/** A ledger whose dials all fail. @param onAsk receives each peer it dials */
function ledgerOf(
  { id, key }: Party,
  init: Partial<LedgerInit>,
  onAsk: (peer: PeerId) => void = () => {},
): Ledger {
  const dialProtocol = async (peer: PeerId) => {
    onAsk(peer)
    throw new Error('unreachable')
  }
  const libp2p = { dialProtocol, handle: async () => {}, unhandle: async () => {} }
  const host = { peerId: id, privateKey: key, libp2p } as unknown as LedgerInit['host']
  return new Ledger({ host, peers: () => [], now: () => NOW, random: new Random(7).next, ...init })
}

describe('gathering', () => {
  it.each([
    ['more friends than are asked in a round, and others', 6, 5],
    ['friends only', 6, 0],
    ['few friends and many others', 1, 8],
    ['others only', 0, 8],
  ])(
    'asks four peers a round and reaches every peer in time, with %s',
    async (_, friends, others) => {
      const [me, ...known] = await Promise.all(Array.from({ length: 1 + friends + others }, party))
      if (me === undefined) throw new Error('unreachable')
      const ids = known.map(({ id }) => id.toString())
      const asked = new Map<string, number>()
      const ledger = ledgerOf(
        me,
        {
          friends: ids.slice(0, friends),
          peers: () => known.map(({ id }) => id),
        },
        (peer) => asked.set(peer.toString(), (asked.get(peer.toString()) ?? 0) + 1),
      )
      for (let round = 0; round < 100; round += 1) await ledger.gather()
      const counts = ids.map((id) => asked.get(id) ?? 0)
      expect(counts.reduce((sum, count) => sum + count, 0)).toBe(400)
      expect(Math.min(...counts)).toBeGreaterThan(10)
      const ofFriends = counts.slice(0, friends).reduce((sum, count) => sum + count, 0)
      expect(ofFriends).toBe(others === 0 ? 400 : 100 * Math.min(3, friends))
    },
  )

  it('asks friends through a relay, and strangers only where it costs none', async () => {
    const [me, friend, stranger, near] = await Promise.all(Array.from({ length: 4 }, party))
    if (!me || !friend || !stranger || !near) throw new Error('unreachable')
    const asked = new Set<string>()
    const ledger = ledgerOf(
      me,
      {
        friends: [friend.id.toString()],
        peers: () => [friend.id, stranger.id, near.id],
        needsRelay: (peer) => !peer.equals(near.id),
      },
      (peer) => asked.add(peer.toString()),
    )
    for (let round = 0; round < 20; round += 1) await ledger.gather()
    expect(asked).toEqual(new Set([friend.id.toString(), near.id.toString()]))
  })
})

describe('kept receipts', () => {
  it('are not lost when two processes share a directory', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'skein-receipts-'))
    onTestFinished(() => rm(dataDir, { recursive: true, force: true }))
    const [one, other, node] = [await party(), await party(), await party()]
    const first = ledgerOf(one, { dataDir })
    const second = ledgerOf(other, { dataDir })
    await first.start()
    await second.start()
    first.book.add(await receiptOf(one, node))
    await first[Symbol.asyncDispose]()
    second.book.add(await receiptOf(other, node))
    await second[Symbol.asyncDispose]()
    const third = ledgerOf(one, { dataDir })
    await third.start()
    expect(third.book.size).toBe(2)
    await third[Symbol.asyncDispose]()
  })
})

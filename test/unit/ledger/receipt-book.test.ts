import { describe, expect, it } from 'vitest'
import { ReceiptBook } from '../../../ledger/index.ts'
import { countersign, draftReceipt, openReceipt } from '../../../protocol/index.ts'
import { bodyOf, chainOf, NOW, type Party, party, receiptOf } from './receipts.ts'

describe('the receipt book', () => {
  it('counts a receipt once, however often it comes', async () => {
    const book = new ReceiptBook(() => NOW)
    const receipt = await receiptOf(await party(), await party())
    const entered = Array.from({ length: 1_000 }, () => book.add(receipt))
    expect(entered.filter((what) => what === 'new')).toHaveLength(1)
    expect(book.all()).toHaveLength(1)
  })

  it('counts a nonce once, whatever server it names', async () => {
    const book = new ReceiptBook(() => NOW)
    const client = await party()
    const nonce = new Uint8Array(16).fill(7)
    book.add(await receiptOf(client, await party(), { nonce }))
    expect(book.add(await receiptOf(client, await party(), { nonce }))).toBe('known')
    expect(book.size).toBe(1)
  })

  it('knows the end of a chain, in whatever order it came', async () => {
    const book = new ReceiptBook(() => NOW)
    const [client, server] = [await party(), await party()]
    const chain = await chainOf(client, server, 3)
    for (const receipt of chain.toReversed()) expect(book.add(receipt)).toBe('new')
    expect(book.latest(client.id.toString(), server.id.toString())?.sequence).toBe(3)
  })

  it('believes neither side of a pair that signed two for one place', async () => {
    const book = new ReceiptBook(() => NOW)
    const [client, server] = [await party(), await party()]
    const chain = await chainOf(client, server, 2)
    for (const receipt of chain) book.add(receipt)
    expect(book.add(await receiptOf(client, server))).toBe('forked')
    expect(book.size).toBe(0)
    expect(book.add(chain[0] as never)).toBe('forked')
  })

  it('believes neither side of a pair whose chain contradicts itself', async () => {
    const book = new ReceiptBook(() => NOW)
    const [client, server] = [await party(), await party()]
    book.add(await receiptOf(client, server))
    const other = new Uint8Array(32).fill(1)
    const second = await receiptOf(client, server, { sequence: 2, previousHash: other })
    expect(book.add(second)).toBe('forked')
  })

  it('forgets what has expired', async () => {
    let now = NOW
    const book = new ReceiptBook(() => now)
    const receipt = await receiptOf(await party(), await party())
    book.add(receipt)
    now += 15 * 86_400_000
    expect(book.all()).toEqual([])
    expect(book.add(receipt)).toBe('expired')
  })

  it('starts a pair’s chain over once all of it has expired', async () => {
    let now = NOW
    const book = new ReceiptBook(() => now)
    const [client, server] = [await party(), await party()]
    const [first, second] = await chainOf(client, server, 2)
    if (!(first && second)) throw new Error('unreachable')
    book.add(first)
    book.add(second)
    const { changes } = book
    now += 15 * 86_400_000
    expect(book.latest(client.id.toString(), server.id.toString())).toBeUndefined()
    expect(book.size).toBe(0)
    expect(book.changes).toBeGreaterThan(changes)
    const again = await receiptOf(client, server)
    expect(book.add({ ...again, endedAtMs: now })).toBe('new')
    expect(book.latest(client.id.toString(), server.id.toString())?.sequence).toBe(1)
  })

  it('believes neither side where the node credits the same work to another here and there', async () => {
    const [client, server, one, other] = await Promise.all(Array.from({ length: 4 }, party))
    if (!(client && server && one && other)) throw new Error('unreachable')
    const draft = await draftReceipt(bodyOf(client, server), client.key)
    const credited = async (owner: Party) =>
      await openReceipt(await countersign(draft, owner.id.toString(), server.key), NOW)
    const [here, there] = [await credited(one), await credited(other)]
    const book = new ReceiptBook(() => NOW)
    expect(book.add(here)).toBe('new')
    expect(book.add(there)).toBe('forked')
    expect(book.all()).toEqual([])

    // Who sees only one of them learns of the other from the client, which signs whom its next one follows.
    const elsewhere = new ReceiptBook(() => NOW)
    elsewhere.add(there)
    const next = { sequence: 2, previousHash: here.hash }
    expect(elsewhere.add(await receiptOf(client, server, next))).toBe('forked')
  })

  it('keeps the last of a busy pair, and is bounded', async () => {
    const book = new ReceiptBook(() => NOW)
    const [client, server] = [await party(), await party()]
    const chain = await chainOf(client, server, 40)
    for (const receipt of chain) book.add(receipt)
    expect(book.size).toBe(32)
    expect(book.all()[0]?.sequence).toBe(9)
    // An old one that was dropped does not push out a newer one.
    expect(book.add(chain[0] as never)).toBe('known')
    expect(book.size).toBe(32)
  })

  it('evicts the least valuable receipts beyond the limit, oldest first', async () => {
    const precious = new Set<string>()
    const book = new ReceiptBook(
      () => NOW,
      ({ client }) => Number(precious.has(client.toString())),
    )
    const one = await receiptOf(await party(), await party())
    precious.add(one.client.toString())
    book.add({ ...one, endedAtMs: NOW - 1_000_000 })
    for (let n = 0; n < 4_200; n += 1) {
      const name = { toString: () => `client ${n}` } as typeof one.client
      book.add({ ...one, client: name, endedAtMs: NOW - n })
    }
    expect(book.size).toBeLessThanOrEqual(4_096)
    const kept = book.all().map(({ client }) => client.toString())
    expect(kept).toContain(one.client.toString())
    expect(kept).toContain('client 0')
    expect(kept).not.toContain('client 4000')
  })
})

import { describe, expect, it } from 'vitest'
import { CREDIT_HALF_LIFE_MS, ReceiptBook, SharedTrust } from '../../../ledger/index.ts'
import { chainOf, NOW, type Party, party, receiptOf } from './receipts.ts'

async function world(receipts: readonly [Party, Party, string?][], preTrusted: readonly Party[]) {
  const book = new ReceiptBook(() => NOW)
  for (const [client, server, beneficiary = ''] of receipts) {
    book.add(await receiptOf(client, server, { beneficiary }))
  }
  const ids = preTrusted.map(({ id }) => id.toString())
  return { book, trust: new SharedTrust(book, ids, () => NOW) }
}

const idOf = ({ id }: Party): string => id.toString()

describe('shared trust', () => {
  it('recommends only peers that served a friend', async () => {
    const [me, friend, good, stranger, other] = await Promise.all(Array.from({ length: 5 }, party))
    if (!(me && friend && good && stranger && other)) throw new Error('unreachable')
    const { trust } = await world(
      [
        [friend, good],
        [stranger, other],
      ],
      [me, friend],
    )
    expect(trust.standing(idOf(good))).toBe(1)
    expect(trust.standing(idOf(other))).toBeUndefined()
    expect(trust.standing(idOf(stranger))).toBeUndefined()
  })

  it('flows from a node to its owner, and from there to the peers that served the owner', async () => {
    const [me, node, owner, far] = await Promise.all(Array.from({ length: 4 }, party))
    if (!(me && node && owner && far)) throw new Error('unreachable')
    const { trust } = await world(
      [
        [me, node, idOf(owner)],
        [owner, far],
      ],
      [me],
    )
    const standing = trust.standing(idOf(far)) ?? 0
    expect(standing).toBeGreaterThan(0.5)
    expect(standing).toBeLessThan(trust.standing(idOf(node)) ?? 0)
  })

  it('credits work to the beneficiary that the server names, as far as the client is trusted', async () => {
    const [me, friend, node, owner, farm, puppet] = await Promise.all(
      Array.from({ length: 6 }, party),
    )
    if (!(me && friend && node && owner && farm && puppet)) throw new Error('unreachable')
    const { trust } = await world(
      [
        [friend, node, idOf(owner)],
        [puppet, farm],
        // Pays itself.
        [owner, node, idOf(owner)],
      ],
      [me, friend],
    )
    expect(trust.given(idOf(owner))).toBeCloseTo(150, 2)
    expect(trust.given(idOf(node))).toBe(0)
    expect(trust.given(idOf(farm))).toBe(0)
  })

  it('counts half of what was given a day ago', async () => {
    const clock = { nowMs: NOW }
    const [me, node] = [await party(), await party()]
    const book = new ReceiptBook(() => clock.nowMs)
    book.add(await receiptOf(me, node, { endedAtMs: NOW }))
    const trust = new SharedTrust(book, [idOf(me)], () => clock.nowMs)
    expect(trust.given(idOf(node))).toBe(150)
    clock.nowMs += CREDIT_HALF_LIFE_MS
    expect(trust.given(idOf(node))).toBe(75)
    expect(trust.standing(idOf(node))).toBe(1)
  })

  it('credits a clique with no more than its victim vouched for, whatever its members sign', async () => {
    const [me, first, owner, ...rest] = await Promise.all(Array.from({ length: 8 }, party))
    if (!(me && first && owner)) throw new Error('unreachable')
    const book = new ReceiptBook(() => NOW)
    const endedAtMs = NOW
    book.add(await receiptOf(me, first, { endedAtMs }))
    const beneficiary = idOf(owner)
    for (const server of rest) {
      for (const receipt of await chainOf(first, server, 8, { outputTokens: 1e6, beneficiary })) {
        book.add(receipt)
      }
    }
    const trust = new SharedTrust(book, [idOf(me)], () => NOW)
    expect(trust.given(idOf(owner))).toBe(75)
    expect(trust.given(idOf(first))).toBe(75)
  })

  it('gives a clique that farms receipts nothing, and one that was let in no more than its bound', async () => {
    const me = await party()
    const honest = await Promise.all(Array.from({ length: 10 }, party))
    const clique = await Promise.all(Array.from({ length: 12 }, party))
    const farmed: [Party, Party][] = clique.flatMap((one) =>
      clique.filter((other) => other !== one).map((other): [Party, Party] => [one, other]),
    )
    const served = honest.map((server): [Party, Party] => [me, server])
    const apart = await world([...served, ...farmed], [me])
    expect(clique.reduce((sum, one) => sum + apart.trust.mass(idOf(one)), 0)).toBe(0)
    const [first] = clique
    if (first === undefined) throw new Error('unreachable')
    const inside = await world([...served, [me, first], ...farmed], [me])
    const mass = clique.reduce((sum, one) => sum + inside.trust.mass(idOf(one)), 0)
    const g = 1 / 11
    expect(mass).toBeGreaterThan(0)
    expect(mass).toBeLessThanOrEqual((0.5 * g) / (0.5 + 0.5 * g) + 1e-9)
  })
})

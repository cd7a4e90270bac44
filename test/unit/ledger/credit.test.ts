import { describe, expect, it } from 'vitest'
import { creditFlow } from '../../../ledger/index.ts'
import { Random } from '../../../testing/index.ts'

type Rows = Map<string, Map<string, number>>

const rowsOf = (claims: Readonly<Record<string, Readonly<Record<string, number>>>>): Rows =>
  new Map(Object.entries(claims).map(([from, row]) => [from, new Map(Object.entries(row))]))

const sumOf = (credit: ReadonlyMap<string, number>, isCounted: (id: string) => boolean): number =>
  [...credit].reduce((sum, [id, tokens]) => sum + (isCounted(id) ? tokens : 0), 0)

const isSybil = (id: string): boolean => id.startsWith('sybil')

describe('credit', () => {
  it('is what the seeds say, in full', () => {
    const credit = creditFlow(rowsOf({ me: { a: 100 }, friend: { a: 20, b: 5 } }), ['me', 'friend'])
    expect(credit).toEqual(
      new Map([
        ['a', 120],
        ['b', 5],
      ]),
    )
    expect(creditFlow(rowsOf({ me: { a: 100 } }), [])).toEqual(new Map())
  })

  it('is passed on by half at most, in the proportions of what was taken', () => {
    const credit = creditFlow(rowsOf({ me: { a: 100 }, a: { b: 3_000, c: 1_000 } }), ['me'])
    expect(Object.fromEntries(credit)).toEqual({ a: 50, b: 37.5, c: 12.5 })
  })

  it('is passed on for no more than was taken', () => {
    const credit = creditFlow(rowsOf({ me: { a: 100 }, a: { b: 10 } }), ['me'])
    expect(Object.fromEntries(credit)).toEqual({ a: 90, b: 10 })
  })

  it('is not lost by a receipt for one of the reader’s own circle', () => {
    const credit = creditFlow(rowsOf({ me: { a: 100 }, a: { friend: 40 } }), ['me', 'friend'])
    expect(Object.fromEntries(credit)).toEqual({ a: 100, friend: 40 })
  })

  it('is zero without a trusted peer, however much strangers claim', () => {
    const credit = creditFlow(rowsOf({ me: { a: 1 }, s: { t: 1e9 }, t: { s: 1e9 } }), ['me'])
    expect(credit.get('s') ?? 0).toBe(0)
    expect(credit.get('t') ?? 0).toBe(0)
  })

  it('of a clique sums up to no more than outsiders credited it, in random networks', () => {
    const random = new Random(12).next
    const below = (n: number): number => Math.floor(random() * n)
    let credited = 0
    for (let round = 0; round < 200; round += 1) {
      const honest = Array.from({ length: 2 + below(12) }, (_, n) => `honest-${n}`)
      const sybils = Array.from({ length: 1 + below(40) }, (_, n) => `sybil-${n}`)
      const seeds = honest.slice(0, 1 + below(2))
      const claims: Rows = new Map()
      const claim = (from: string, among: readonly string[], count: number, upTo: number) => {
        const row = claims.get(from) ?? new Map<string, number>()
        for (let n = 0; n < count; n += 1) {
          const to = among[below(among.length)] ?? ''
          if (to !== from) row.set(to, (row.get(to) ?? 0) + upTo * random())
        }
        claims.set(from, row)
      }
      for (const one of honest) {
        claim(one, honest, below(5), 1_000)
        claim(one, sybils, below(2), 200)
      }
      for (const one of sybils) {
        claim(one, sybils, below(30), 10 ** below(9))
        claim(one, honest, below(3), 1_000)
      }
      const credit = creditFlow(claims, seeds)
      const clique = sumOf(credit, isSybil)
      // Seeds in full. Of the others what they lost to it, which is no more than what they kept.
      let vouched = 0
      for (const [from, row] of claims) {
        if (isSybil(from) || row.size === 0) continue
        const share = seeds.includes(from)
          ? 1
          : Math.min(1, (credit.get(from) ?? 0) / sumOf(row, () => true))
        vouched += share * sumOf(row, isSybil)
      }
      expect(clique).toBeLessThanOrEqual(vouched + 1e-6)
      // All there is came from the seeds.
      const direct = seeds.reduce(
        (sum, seed) => sum + sumOf(claims.get(seed) ?? new Map(), () => true),
        0,
      )
      const others = sumOf(credit, (id) => !seeds.includes(id))
      expect(others).toBeLessThanOrEqual(direct + 1e-6)
      credited += clique
    }
    expect(credited).toBeGreaterThan(0)
  })

  it('of one that splits into a thousand is no more than it had as one', () => {
    const many: Rows = rowsOf({ me: { s: 100 } })
    const names = Array.from({ length: 1_000 }, (_, n) => `sybil-${n}`)
    many.set('s', new Map(names.map((name) => [name, 320_000])))
    for (const [n, name] of names.entries()) {
      many.set(
        name,
        new Map([
          [names[(n + 1) % names.length] ?? '', 320_000],
          ['owner', 320_000],
        ]),
      )
    }
    const credit = creditFlow(many, ['me'])
    expect(sumOf(credit, () => true)).toBeCloseTo(100, 6)
  })
})

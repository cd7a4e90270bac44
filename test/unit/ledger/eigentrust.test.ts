import { describe, expect, it } from 'vitest'
import { eigenTrust } from '../../../ledger/index.ts'
import { Random } from '../../../testing/index.ts'

const total = (masses: Iterable<number>): number => [...masses].reduce((sum, mass) => sum + mass, 0)

describe('eigenTrust', () => {
  it('gives all trust to the pre-trusted if no other peer is known', () => {
    expect(eigenTrust(new Map(), ['me', 'friend'])).toEqual(
      new Map([
        ['me', 0.5],
        ['friend', 0.5],
      ]),
    )
    expect(eigenTrust(new Map(), [])).toEqual(new Map())
  })

  it('has the masses of the closed form on a chain', () => {
    const edges = new Map([
      ['me', new Map([['a', 5]])],
      ['a', new Map([['b', 3]])],
    ])
    const masses = eigenTrust(edges, ['me'])
    // t(me) = ½ + ½·t(b), for b returns what it has; t(a) = ½·t(me), t(b) = ½·t(a).
    expect(masses.get('me')).toBeCloseTo(4 / 7, 6)
    expect(masses.get('a')).toBeCloseTo(2 / 7, 6)
    expect(masses.get('b')).toBeCloseTo(1 / 7, 6)
  })

  it('gives nothing to peers that no trusted peer trusts, however they rate each other', () => {
    const edges = new Map([['me', new Map([['good', 1]])]])
    for (let n = 0; n < 100; n += 1) {
      const row = new Map(Array.from({ length: 100 }, (_, m) => [`sybil-${m}`, 1e9]))
      edges.set(`sybil-${n}`, row)
    }
    expect(eigenTrust(edges, ['me']).get('sybil-3')).toBeUndefined()
  })

  it('sums up to 1, and keeps a clique below its bound, in random networks', () => {
    const random = new Random(11).next
    for (let round = 0; round < 40; round += 1) {
      const honest = 2 + Math.floor(random() * 20)
      const sybils = 1 + Math.floor(random() * 60)
      const restart = 0.2 + 0.7 * random()
      const share = random() * 0.3
      const edges = new Map<string, Map<string, number>>()
      for (let n = 0; n < honest; n += 1) {
        const row = new Map<string, number>()
        for (let m = 0; m < honest; m += 1) if (m !== n) row.set(`honest-${m}`, random())
        const given = total(row.values())
        // At most the share g of its trust goes into the clique.
        const leaked = (share * given) / (1 - share)
        row.set(`sybil-${Math.floor(random() * sybils)}`, leaked * random())
        edges.set(`honest-${n}`, row)
      }
      for (let n = 0; n < sybils; n += 1) {
        const row = new Map<string, number>()
        for (let m = 0; m < sybils; m += 1) row.set(`sybil-${m}`, 1e6 * random())
        edges.set(`sybil-${n}`, row)
      }
      const masses = eigenTrust(edges, ['honest-0', 'honest-1'], { restart, steps: 100 })
      expect(total(masses.values())).toBeCloseTo(1, 9)
      const clique = [...masses].filter(([id]) => id.startsWith('sybil'))
      const mass = total(clique.map(([, one]) => one))
      const bound = ((1 - restart) * share) / (restart + (1 - restart) * share)
      expect(mass).toBeLessThanOrEqual(bound + 1e-9)
    }
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { choose, heatOf, type Option } from '../../../../../client/peers/route/choose.ts'
import { READY } from '../../../../../testing/swarms/client-peers.ts'

const unit = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
const options = fc.array(
  fc.record({
    cost: fc.double({ min: 0, max: 1e6, noNaN: true }),
    tier: fc.integer({ min: 0, max: 5 }),
    heat: fc.option(fc.double({ min: 0, max: 4, noNaN: true }), { nil: undefined }),
  }),
  { minLength: 1, maxLength: 30 },
)
/** With twenty idle peers in the pool, any peer with a request in flight is above its 0.84 quantile. */
const POOL = Array<number>(20).fill(0)

describe('choose', () => {
  it('takes one of the lowest tier, and never one outside its cheapest eight', () => {
    fc.assert(
      fc.property(options, unit, unit, (given, a, b) => {
        const draws = [a, b]
        const labelled = given.map((option, value) => ({ ...option, value }))
        const chosen = choose(labelled, () => draws.shift() ?? 0)
        const tier = Math.min(...given.map((option) => option.tier))
        const best = labelled
          .filter((option) => option.tier === tier)
          .sort((x, y) => x.cost - y.cost)
          .slice(0, 8)
        expect(best.map(({ value }) => value)).toContain(chosen)
      }),
    )
  })

  it('takes the cheaper of two, whatever is drawn', () => {
    fc.assert(
      fc.property(unit, unit, (a, b) => {
        const draws = [a, b]
        const pair = [
          { value: 'dear', cost: 2, tier: 0 },
          { value: 'cheap', cost: 1, tier: 0 },
        ]
        expect(choose(pair, () => draws.shift() ?? 0)).toBe('cheap')
      }),
    )
  })

  it('never takes the most expensive of several', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 8 }), unit, unit, (count, a, b) => {
        const draws = [a, b]
        const several = Array.from({ length: count }, (_, cost) => ({ value: cost, cost, tier: 0 }))
        expect(choose(several, () => draws.shift() ?? 0)).not.toBe(count - 1)
      }),
    )
  })

  const pairs: readonly [name: string, heats: [number, number | undefined], winner: string][] = [
    ['a cold one before a cheaper hot one', [3, 0], 'dear'],
    ['of two hot ones the one with less in flight, although it costs more', [3, 2], 'dear'],
    ['of two cold ones the cheaper', [0, 0], 'cheap'],
    ['of two equally hot ones the cheaper', [3, 3], 'cheap'],
    ['the cheaper where one has no sample', [3, undefined], 'cheap'],
  ]
  it.each(pairs)('takes %s', (_, [cheap, dear], winner) => {
    const others = POOL.map((heat): Option<string> => ({ value: 'other', cost: 9, tier: 1, heat }))
    const pair = [
      { value: 'cheap', cost: 1, tier: 0, heat: cheap },
      { value: 'dear', cost: 2, tier: 0, heat: dear },
    ]
    // Whichever of the two is drawn first.
    for (const draw of [0, 0.9]) expect(choose([...pair, ...others], () => draw)).toBe(winner)
  })

  it('counts a queue as load, in proportion to the slots', () => {
    expect(heatOf({ ...READY, inFlight: 4, slots: 4, queueDepth: 4 })).toBe(2)
    expect(heatOf({ ...READY, inFlight: 1, slots: 0 })).toBe(1)
  })

  it('leaves the given array unchanged, and returns undefined for an empty one', () => {
    const given = Object.freeze([
      { value: 1, cost: 2, tier: 0 },
      { value: 2, cost: 1, tier: 0 },
    ])
    choose(given, () => 0)
    expect(given[0]?.value).toBe(1)
    expect(choose([], () => 0)).toBeUndefined()
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  choose,
  costOf,
  InFlight,
  LatencyModel,
  Suspects,
  tierOf,
} from '../../../client/route/index.ts'
import { READY } from '../../fixtures/client-peers.ts'

const options = fc.array(
  fc.record({
    value: fc.integer(),
    cost: fc.double({ min: 0, max: 1e6, noNaN: true }),
    tier: fc.integer({ min: 0, max: 3 }),
  }),
  { minLength: 1, maxLength: 30 },
)
const unit = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })

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

  it('takes the cheaper of two whatever is drawn', () => {
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

  it('never takes the dearest of several', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 8 }), unit, unit, (count, a, b) => {
        const draws = [a, b]
        const several = Array.from({ length: count }, (_, cost) => ({ value: cost, cost, tier: 0 }))
        expect(choose(several, () => draws.shift() ?? 0)).not.toBe(count - 1)
      }),
    )
  })

  it('leaves the given order alone, and finds nothing in nothing', () => {
    const given = Object.freeze([
      { value: 1, cost: 2, tier: 0 },
      { value: 2, cost: 1, tier: 0 },
    ])
    choose(given, () => 0)
    expect(given[0]?.value).toBe(1)
    expect(choose([], () => 0)).toBeUndefined()
  })
})

const inputs = {
  rttMs: 10,
  load: undefined,
  overheadMs: 20,
  prefillRate: 100,
  promptTokens: 10,
  inFlight: 0,
}

describe('costOf', () => {
  it('is the predicted time to the first token times what we have there already', () => {
    expect(costOf(inputs)).toBe(10 + 20 + 100)
    expect(costOf({ ...inputs, inFlight: 2 })).toBe(3 * 130)
  })

  it('counts the queue of a peer whose slots are taken', () => {
    const busy = { ...READY, inFlight: 4, queueDepth: 2, expectedTtftMs: 500 }
    expect(costOf({ ...inputs, load: busy })).toBeGreaterThan(costOf({ ...inputs, load: READY }))
  })
})

describe('tierOf', () => {
  const fit = { load: READY, model: { contextLength: 100 }, promptTokens: 10, suspect: false }

  it('puts fit peers before those that may not fit, are suspect or load, and the draining last', () => {
    expect(tierOf(fit)).toBe(0)
    expect(tierOf({ ...fit, model: { contextLength: 0 } })).toBe(0)
    expect(tierOf({ ...fit, load: { ...READY, state: 'saturated' } })).toBe(0)
    expect(tierOf({ ...fit, promptTokens: 101 })).toBe(1)
    expect(tierOf({ ...fit, suspect: true })).toBe(2)
    expect(tierOf({ ...fit, load: { ...READY, state: 'loading' } })).toBe(2)
    expect(tierOf({ ...fit, load: { ...READY, state: 'draining' } })).toBe(3)
  })
})

describe('LatencyModel', () => {
  it('believes the peer’s claim until it has measured', () => {
    const model = new LatencyModel()
    expect(model.of('p', 250).prefillRate).toBe(250)
    model.observeAnswer('p', { ttftMs: 130, prefillMs: 100, prefilledTokens: 100 })
    expect(model.of('p', 250)).toMatchObject({ prefillRate: 1_000, overheadMs: 30 })
  })

  it('does not believe in a prefill longer than the wait', () => {
    const model = new LatencyModel()
    model.observeAnswer('p', { ttftMs: 50, prefillMs: 1e9, prefilledTokens: 100 })
    expect(model.of('p', 0)).toMatchObject({ overheadMs: 0, prefillRate: 2_000 })
  })

  it('moves towards new measurements', () => {
    const model = new LatencyModel()
    model.observeRtt('p', 100)
    for (let i = 0; i < 20; i += 1) model.observeRtt('p', 10)
    expect(model.of('p', 0).rttMs).toBeCloseTo(10, 0)
  })
})

describe('Suspects', () => {
  it('suspects for longer with each failure in a row, and forgives with an answer', () => {
    const suspects = new Suspects()
    suspects.failed('p', 0)
    expect([suspects.has('p', 4_999), suspects.has('p', 5_000)]).toEqual([true, false])
    suspects.failed('p', 5_000)
    expect([suspects.has('p', 14_999), suspects.has('p', 15_000)]).toEqual([true, false])
    for (let i = 0; i < 50; i += 1) suspects.failed('p', 0)
    expect(suspects.has('p', 300_000)).toBe(false)
    suspects.answered('p')
    expect(suspects.has('p', 1)).toBe(false)
  })
})

describe('InFlight', () => {
  it('counts until disposed', () => {
    const inFlight = new InFlight()
    const first = inFlight.enter('p')
    const second = inFlight.enter('p')
    expect(inFlight.of('p')).toBe(2)
    first[Symbol.dispose]()
    second[Symbol.dispose]()
    expect([inFlight.of('p'), inFlight.total]).toEqual([0, 0])
  })
})

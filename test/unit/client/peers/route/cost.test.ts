import { describe, expect, it } from 'vitest'
import { type CostInputs, costOf, predictTtftMs } from '../../../../../client/peers/route/cost.ts'
import { LEAVING_TIER, tierOf } from '../../../../../client/peers/route/tier.ts'
import { READY } from '../../../../../testing/swarms/client-peers.ts'

const inputs: CostInputs = {
  latency: { rttMs: 10, overheadMs: 20, prefillRate: 100, decodeRate: 100 },
  load: undefined,
  uncachedTokens: 10,
  coldStartMs: 0,
  answerTokens: 20,
  inFlight: 0,
  warmth: 1,
  reliability: 1,
  relayed: false,
}

describe('predictTtftMs', () => {
  it('adds round trip, wait and the prefill of what is not cached', () => {
    expect(predictTtftMs(inputs)).toBe(10 + 20 + 100)
    expect(predictTtftMs({ ...inputs, uncachedTokens: 0 })).toBe(10 + 20)
  })

  it('adds the cold start of a model that is not in memory', () => {
    expect(predictTtftMs({ ...inputs, coldStartMs: 5_000 })).toBe(10 + 5_000 + 20 + 100)
  })

  it('counts the queue and the prediction of a peer only while its slots are taken', () => {
    const load = { ...READY, expectedTtftMs: 500 }
    expect(predictTtftMs({ ...inputs, load })).toBe(130)
    const full = { ...load, inFlight: 4, queueDepth: 2 }
    expect(predictTtftMs({ ...inputs, load: full })).toBe(10 + 3 * 500 + 100)
  })
})

describe('costOf', () => {
  it('is the predicted time, with decoding at half weight, times our requests there', () => {
    expect(costOf(inputs)).toBe(130 + 100)
    expect(costOf({ ...inputs, inFlight: 2 })).toBe(3 * 230)
  })

  it('assumes a medium length for an unbounded answer, and caps a long one', () => {
    expect(costOf({ ...inputs, answerTokens: 0 })).toBe(costOf({ ...inputs, answerTokens: 64 }))
    expect(costOf({ ...inputs, answerTokens: 9_000 })).toBe(
      costOf({ ...inputs, answerTokens: 256 }),
    )
  })

  it('grows for new and unreliable peers, up to ten times', () => {
    expect(costOf({ ...inputs, warmth: 0.5 })).toBe(460)
    expect(costOf({ ...inputs, reliability: 0.5 })).toBe(460)
    expect(costOf({ ...inputs, warmth: 0, reliability: 1 })).toBeCloseTo(2_300)
    expect(costOf({ ...inputs, warmth: 1, reliability: 0 })).toBeCloseTo(2_300)
  })
})

describe('tierOf', () => {
  const fit = {
    load: READY,
    model: { contextLength: 100 },
    promptTokens: 10,
    atLimit: false,
    suspect: false,
    ejected: false,
  }
  const cases: readonly [name: string, fitness: Parameters<typeof tierOf>[0], tier: number][] = [
    ['fit', fit, 0],
    ['of unknown context', { ...fit, model: { contextLength: 0 }, promptTokens: 1_000 }, 0],
    ['saturated, which its cost reflects', { ...fit, load: { ...READY, state: 'saturated' } }, 0],
    ['at its limit', { ...fit, atLimit: true }, 1],
    ['too short for the prompt', { ...fit, promptTokens: 101, atLimit: true }, 2],
    ['suspect', { ...fit, suspect: true, atLimit: true }, 4],
    ['loading', { ...fit, load: { ...READY, state: 'loading' } }, 4],
    ['ejected', { ...fit, ejected: true, suspect: true }, 5],
    ['known by hearsay', { ...fit, hearsay: 'yes', atLimit: true }, 3],
    ['known by hearsay and suspect', { ...fit, hearsay: 'yes', suspect: true }, 6],
    ['known by hearsay, in doubt', { ...fit, hearsay: 'doubted' }, 6],
    ['draining', { ...fit, load: { ...READY, state: 'draining' }, ejected: true }, LEAVING_TIER],
  ]
  it.each(cases)('sorts a peer that is %s', (_, fitness, tier) => {
    expect(tierOf(fitness)).toBe(tier)
  })
})

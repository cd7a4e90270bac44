import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../../../bench/timed-engine.ts'
import {
  auditRate,
  decisionAt,
  evidenceOf,
  judge,
  marginOf,
  type ScoredPosition,
} from '../../../../client/verify/index.ts'

const sure = (id: number): ScoredPosition => ({ id, logprob: -0.1, top: [{ id, logprob: -0.1 }] })
/** A token so many nats below the first choice. */
const below = (margin: number): ScoredPosition => ({
  id: 1,
  logprob: -0.1 - margin,
  top: [{ id: 2, logprob: -0.1 }],
})
const untold: ScoredPosition = { id: 1, logprob: null, top: [{ id: 2, logprob: -0.1 }] }
const repeat = (count: number, position: ScoredPosition): ScoredPosition[] =>
  Array.from({ length: count }, () => position)

describe('the margin of a token', () => {
  it('is nothing for the first choice, and endless for one that is not told', () => {
    expect(marginOf(sure(1))).toBe(0)
    expect(marginOf(below(0.7))).toBeCloseTo(0.7)
    expect(marginOf(untold)).toBe(Number.POSITIVE_INFINITY)
  })
})

describe('an answer at temperature 0', () => {
  it('passes with near ties, as rounding makes them', () => {
    const answer = [...repeat(98, sure(1)), below(0.1), below(0.3)]
    expect(judge(answer, 0)).toMatchObject({ outcome: 'passed', misses: 2, hardMisses: 0 })
  })

  it('fails with three tokens that the model would not write', () => {
    const answer = [...repeat(97, sure(1)), below(3), below(9), untold]
    expect(judge(answer, 0)).toMatchObject({ outcome: 'failed', hardMisses: 3 })
  })

  it('is suspect with one of them, or with more near misses than are usual', () => {
    expect(judge([...repeat(49, sure(1)), untold], 0).outcome).toBe('suspect')
    expect(judge([...repeat(40, sure(1)), ...repeat(10, below(0.5))], 0).outcome).toBe('suspect')
  })

  it('that is too short proves nothing', () => {
    expect(judge(repeat(7, untold), 0).outcome).toBe('inconclusive')
  })
})

describe('a sampled answer', () => {
  const vocabulary = (weights: readonly number[]): readonly number[] => {
    const total = weights.reduce((sum, weight) => sum + weight, 0)
    return weights.map((weight) => Math.log(weight / total))
  }
  const drawn = (logs: readonly number[], temperature: number, random: () => number): number => {
    const heated = logs.map((log) => Math.exp(log / temperature))
    let left = random() * heated.reduce((sum, value) => sum + value, 0)
    return heated.findIndex((value) => {
      left -= value
      return left < 0
    })
  }
  const answerOf = (
    writer: readonly number[],
    scorer: readonly number[],
    temperature: number,
    random: () => number,
  ): ScoredPosition[] =>
    Array.from({ length: 100 }, () => {
      const id = Math.max(0, drawn(writer, temperature, random))
      const top = scorer
        .map((logprob, token) => ({ id: token, logprob }))
        .toSorted((a, b) => b.logprob - a.logprob)
      return { id, logprob: scorer[id] ?? null, top }
    })
  const honest = vocabulary([8, 4, 2, 1, 1, 0.5, 0.25])
  const cheat = vocabulary([1, 1, 1, 1, 1, 1, 1])

  it('of an honest peer passes, at any temperature', () => {
    const random = seededRandom(7)
    for (const temperature of [0.3, 0.8, 1, 1.5]) {
      for (let round = 0; round < 250; round += 1) {
        const answer = answerOf(honest, honest, temperature, random)
        expect(judge(answer, temperature).outcome).toBe('passed')
      }
    }
  })

  it('of other weights is more surprising than it may be', () => {
    const random = seededRandom(8)
    for (let round = 0; round < 100; round += 1) {
      const { outcome } = judge(answerOf(cheat, honest, 1, random), 1)
      expect(outcome).toBe('failed')
    }
  })

  it('of a peer that cut off its tail passes', () => {
    const random = seededRandom(9)
    const cut = vocabulary([8, 4, 2, 1e-9, 1e-9, 1e-9, 1e-9])
    for (let round = 0; round < 100; round += 1) {
      expect(judge(answerOf(cut, honest, 1, random), 1).outcome).toBe('passed')
    }
  })
})

describe('the sequential test', () => {
  /** How many of 2,000 peers are rejected within 200 audits of 100 positions, where misses come in clumps. */
  function rejected(rate: number, evidence: (positions: number, misses: number) => number): number {
    const random = seededRandom(11)
    let count = 0
    for (let peer = 0; peer < 2_000; peer += 1) {
      let logRatio = 0
      for (let audit = 0; audit < 60; audit += 1) {
        // Each answer has a rate of its own around the peer's: intraclass correlation of about 0.01.
        const own = Math.max(
          0,
          rate + (random() - 0.5) * 2 * Math.sqrt(3 * 0.01 * rate * (1 - rate)),
        )
        let misses = 0
        for (let at = 0; at < 100; at += 1) misses += random() < own ? 1 : 0
        logRatio += evidence(100, misses)
        const decision = decisionAt(logRatio)
        if (decision === 'reject') count += 1
        if (decision !== 'continue') break
      }
    }
    return count / 2_000
  }

  it('rejects hardly any honest peer, and many without the design effect', () => {
    const misses = Math.log(0.05 / 0.02)
    const hits = Math.log(0.95 / 0.98)
    const naive = (n: number, m: number): number => m * misses + (n - m) * hits
    expect(rejected(0.02, evidenceOf)).toBeLessThanOrEqual(0.002)
    expect(rejected(0.02, naive)).toBeGreaterThan(0.01)
  })

  it('accepts hardly any cheat', () => {
    expect(rejected(0.05, evidenceOf)).toBeGreaterThanOrEqual(0.97)
  })
})

describe('the share of audits', () => {
  it('is all at first, and never less than one in twenty', () => {
    expect([0, 9].map(auditRate)).toEqual([1, 1])
    expect(auditRate(10)).toBeCloseTo(0.1)
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e9 }), (valid) => {
        expect(auditRate(valid)).toBeGreaterThanOrEqual(0.05)
        expect(auditRate(valid)).toBeLessThanOrEqual(1)
      }),
    )
  })
})

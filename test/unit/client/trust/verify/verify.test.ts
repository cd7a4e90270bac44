import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { auditRate } from '../../../../../client/trust/verify/audit-rate.ts'
import {
  marginOf,
  type ScoredPosition,
} from '../../../../../client/trust/verify/scored-position.ts'
import { decisionAt, evidenceOf } from '../../../../../client/trust/verify/sprt.ts'
import { tooSurprising } from '../../../../../client/trust/verify/surprisal.ts'
import { tokenVerdict } from '../../../../../client/trust/verify/token-verdict.ts'
import { Random } from '../../../../../testing/index.ts'

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
  it('is 0 for the first choice, and infinite for an unreported token', () => {
    expect(marginOf(sure(1))).toBe(0)
    expect(marginOf(below(0.7))).toBeCloseTo(0.7)
    expect(marginOf(untold)).toBe(Number.POSITIVE_INFINITY)
  })
})

describe('an answer at temperature 0', () => {
  it('passes with near ties, which rounding explains', () => {
    const answer = [...repeat(98, sure(1)), below(0.1), below(0.3)]
    expect(tokenVerdict(answer, 0)).toMatchObject({ outcome: 'passed', misses: 2, hardMisses: 0 })
  })

  it('fails with three tokens that the model would not produce', () => {
    const answer = [...repeat(97, sure(1)), below(3), below(9), untold]
    expect(tokenVerdict(answer, 0)).toMatchObject({ outcome: 'failed', hardMisses: 3 })
  })

  it('is suspect with one of them, or with more near misses than usual', () => {
    expect(tokenVerdict([...repeat(49, sure(1)), untold], 0).outcome).toBe('suspect')
    expect(tokenVerdict([...repeat(40, sure(1)), ...repeat(10, below(0.5))], 0).outcome).toBe(
      'suspect',
    )
  })

  it('proves nothing if it is too short', () => {
    expect(tokenVerdict(repeat(7, untold), 0).outcome).toBe('inconclusive')
  })
})

/** Probabilities of many tokens, as sharp as a position of a text may be. */
function vocabulary(sharpness: number, size = 400): readonly number[] {
  const weights = Array.from({ length: size }, (_, rank) => (rank + 1) ** -sharpness)
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  return weights.map((weight) => Math.log(weight / total))
}

const POSITIONS = [1.1, 1.3, 1.6, 2, 3, 5, 8].map((sharpness) => vocabulary(sharpness))
const told = POSITIONS.map((logs) =>
  logs.slice(0, 20).map((logprob, token) => ({ id: token, logprob })),
)

/** What llama.cpp does: filters, then the temperature. */
function drawing(
  { temperature = 1, top_p = 0.95, top_k = 40, min_p = 0.05 }: Asked,
  random: () => number,
): (logs: readonly number[]) => number {
  const sums = new Map(
    POSITIONS.map((logs) => {
      const first = logs[0] ?? 0
      let mass = 0
      const kept = logs.filter((log, rank) => {
        const passes = mass < top_p && (!top_k || rank < top_k) && log >= first + Math.log(min_p)
        mass += Math.exp(log)
        return passes
      })
      let sum = 0
      return [logs, kept.map((log) => (sum += Math.exp((log - first) / temperature)))] as const
    }),
  )
  return (logs) => {
    const all = sums.get(logs) ?? []
    const at = random() * (all.at(-1) ?? 0)
    return Math.max(
      0,
      all.findIndex((sum) => at < sum),
    )
  }
}

interface Asked {
  readonly temperature?: number
  readonly top_p?: number
  readonly top_k?: number
  readonly min_p?: number
}

const OFF = { top_p: 1, top_k: 0, min_p: 0 }

/** An answer whose token at each place is chosen so, as a scorer rates it that tells twenty. */
function answer(
  choose: (logs: readonly number[], at: number) => number,
  length = 100,
): ScoredPosition[] {
  return Array.from({ length }, (_, at) => {
    const kind = (at * 5 + (at >> 3)) % POSITIONS.length
    const logs = POSITIONS[kind] ?? []
    const id = choose(logs, at)
    return { id, logprob: id < 20 ? (logs[id] ?? null) : null, top: told[kind] ?? [] }
  })
}

describe('a sampled answer', () => {
  const HEATS = [0.06, 0.3, 0.7, 1, 1.2, 2]

  it.each<readonly [string, Asked]>([
    ['the engine’s filters', {}],
    ['no filters', OFF],
    ['top-p alone', { ...OFF, top_p: 0.9 }],
    ['top-k alone', { ...OFF, top_k: 10 }],
  ])('of an honest peer passes at any temperature, with %s', (_, filters) => {
    const random = new Random(7).next
    for (const temperature of HEATS) {
      const asked = { ...filters, temperature }
      const draw = drawing(asked, random)
      for (let round = 0; round < 5; round += 1) {
        expect(tokenVerdict(answer(draw), temperature, asked)).toMatchObject({
          outcome: 'passed',
          hardMisses: 0,
        })
      }
    }
  })

  it('is at worst suspect from an honest peer whose engine has other filters', () => {
    const random = new Random(8).next
    for (const temperature of HEATS) {
      const draw = drawing({ ...OFF, temperature }, random)
      for (let round = 0; round < 5; round += 1) {
        const { outcome, hardMisses } = tokenVerdict(answer(draw), temperature)
        expect(['passed', 'suspect']).toContain(outcome)
        expect(hardMisses).toBe(0)
      }
    }
  })

  it('exceeds each level of evidence as rarely as stated', () => {
    const random = new Random(9).next
    const draw = drawing({ ...OFF, temperature: 1 }, random)
    const rounds = 200
    let often = 0
    for (let round = 0; round < rounds; round += 1) {
      if (tooSurprising(answer(draw, 40), 1) > Math.log(20)) often += 1
    }
    expect(often / rounds).toBeLessThan(1 / 20)
  })

  it('at a temperature near 0 is treated like one at 0: a near tie may go either way', () => {
    const tie = {
      id: 2,
      logprob: -0.75,
      top: [-0.7, -0.75, -3].map((logprob, at) => ({ id: at + 1, logprob })),
    }
    for (const temperature of [1e-9, 1e-3, 0.04, 0.05, 0.1, 0.2]) {
      expect(tokenVerdict([tie, ...repeat(59, sure(1))], temperature).outcome).toBe('passed')
    }
    expect(tokenVerdict([...repeat(97, sure(1)), ...repeat(3, below(9))], 1e-3).outcome).toBe(
      'failed',
    )
  })

  it('fails with other weights', () => {
    const random = new Random(10).next
    for (const temperature of [0.8, 1]) {
      const draw = drawing({ temperature }, random)
      for (let round = 0; round < 10; round += 1) {
        // One token in ten is anything at all.
        const garbled = answer((logs) => (random() < 0.1 ? Math.floor(random() * 400) : draw(logs)))
        expect(tokenVerdict(garbled, temperature).outcome).not.toBe('passed')
      }
    }
  })

  it('of greedy decoding with other weights is detected by tokens that are not the first choice', () => {
    const random = new Random(11).next
    const confident = POSITIONS.at(-2) ?? []
    const top = told.at(-2) ?? []
    let logRatio = 0
    let answers = 0
    for (; decisionAt(logRatio) !== 'reject' && answers < 50; answers += 1) {
      const written = Array.from({ length: 100 }, () => {
        const miss = random()
        const id = miss < 0.02 ? 9 : miss < 0.06 ? 1 : 0
        return { id, logprob: confident[id] ?? null, top }
      })
      logRatio += tokenVerdict(written, 0.8).logRatio
    }
    expect(answers).toBeLessThan(15)
  })

  it('to another prompt is detected by its beginning', () => {
    const start = { id: 99, logprob: null, top: told.at(-2) ?? [] }
    const canned = [...repeat(3, start), ...answer(() => 0)]
    for (const temperature of [0.8, 1]) {
      expect(tokenVerdict(canned, temperature).outcome).toBe('failed')
      expect(
        tokenVerdict(
          answer(() => 0),
          temperature,
        ).outcome,
      ).toBe('passed')
    }
  })

  it('has no tokens that the filters of its request exclude', () => {
    const beyond = (temperature: number, asked: Asked): number =>
      tokenVerdict(
        answer((_, at) => (at % 20 === 0 ? 300 : 0)),
        temperature,
        asked,
      ).hardMisses
    for (const asked of [{ top_k: 5 }, { min_p: 0.2 }, { top_p: 0.3 }]) {
      expect(beyond(0.8, asked)).toBeGreaterThan(2)
    }
    expect(beyond(0.8, OFF)).toBe(0)
    expect(beyond(0.8, {})).toBe(0)
  })

  it('without randomness is suspect, if the request sets a temperature and nothing explains it', () => {
    const first = answer(() => 0)
    expect(tokenVerdict(first, 0.8, { temperature: 0.8 }).outcome).toBe('suspect')
    for (const asked of [{}, { temperature: 0.3 }, { temperature: 0.8, top_k: 1 }]) {
      expect(tokenVerdict(first, asked.temperature ?? 1, asked).outcome).toBe('passed')
    }
  })
})

describe('the sequential test', () => {
  /** How many of 2,000 peers are rejected within 200 audits of 100 positions, where misses come in clumps. */
  function rejected(rate: number, evidence: (positions: number, misses: number) => number): number {
    const random = new Random(11).next
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

  it('rejects almost no honest peer, but many without the design effect', () => {
    const misses = Math.log(0.05 / 0.02)
    const hits = Math.log(0.95 / 0.98)
    const naive = (n: number, m: number): number => m * misses + (n - m) * hits
    expect(rejected(0.02, evidenceOf)).toBeLessThanOrEqual(0.002)
    expect(rejected(0.02, naive)).toBeGreaterThan(0.01)
  })

  it('accepts almost no cheating peer', () => {
    expect(rejected(0.05, evidenceOf)).toBeGreaterThanOrEqual(0.97)
  })
})

describe('the share of audits', () => {
  it('is all answers at first, and never less than one in twenty', () => {
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

import { describe, expect, it } from 'vitest'
import {
  createRateLimit,
  type KeyBudget,
  KeyBudgets,
  type SpentTokens,
} from '../../../../gateway/security/index.ts'

const NOW_MS = Date.UTC(2026, 10, 30, 23, 0)
const HOUR_MS = 3_600_000

function budgetsOf(budget: KeyBudget, spent?: SpentTokens) {
  const state = { nowMs: NOW_MS }
  const budgets = new KeyBudgets({
    budgetOf: (key) => (key === 'anna' ? budget : undefined),
    spent,
    now: () => state.nowMs,
  })
  return { budgets, state }
}

const used = (tokens: number) => ({
  ...{ key: 'anna', model: 'm', outcome: 'answered', promptTokens: 0, completionTokens: tokens },
})

describe('the budget of a key', () => {
  it('is drawn by requests that run, and settled by what they cost', () => {
    const { budgets } = budgetsOf({ tokens: 100, per: 'ever' })
    const one = budgets.draw('anna', 80)
    const two = budgets.draw('anna', 80)
    expect(() => budgets.draw('anna', 1)).toThrow('its budget of 100 tokens: ask for a larger one')
    one?.charge(10)
    two?.charge(20)
    expect(budgets.left('anna')).toBe(70)
    expect(budgets.draw('otto', 1e9)).toBeUndefined()
    expect(budgets.left('otto')).toBeUndefined()
  })

  it.each([
    ['day', HOUR_MS, '2026-12-01T00:00:00Z'],
    ['month', HOUR_MS, '2026-12-01T00:00:00Z'],
  ] as const)('begins anew each %s', (per, retryAfterMs, at) => {
    const { budgets, state } = budgetsOf({ tokens: 100, per })
    const drawn = budgets.draw('anna', 100)
    expect(() => budgets.draw('anna', 1)).toThrow(
      expect.objectContaining({ code: 'rate_limited', retryAfterMs }) as Error,
    )
    expect(() => budgets.draw('anna', 1)).toThrow(`it begins anew at ${at}`)
    state.nowMs += HOUR_MS
    budgets.draw('anna', 1)?.charge(30)
    // An answer of the old period that ends now does not count in the new one.
    drawn?.charge(90)
    expect(budgets.left('anna')).toBe(70)
  })

  it('counts what was recorded before, and by other gateways, once', () => {
    // Of them 40 by a gateway before this one.
    let recorded = 40
    const { budgets, state } = budgetsOf({ tokens: 100, per: 'month' }, () => recorded)
    budgets.draw('anna', 30)?.charge(30)
    budgets.recorded(used(30) as Parameters<typeof budgets.recorded>[0])
    recorded += 30
    expect(budgets.left('anna')).toBe(30)
    state.nowMs += 60_000
    expect(budgets.left('anna')).toBe(30)
    // Another gateway.
    recorded += 25
    state.nowMs += 60_000
    expect(budgets.left('anna')).toBe(5)
  })

  it('reads the record of others also after the clock was set back', () => {
    let recorded = 0
    const { budgets, state } = budgetsOf({ tokens: 100, per: 'month' }, () => recorded)
    expect(budgets.left('anna')).toBe(100)
    recorded = 40
    state.nowMs -= HOUR_MS
    expect(budgets.left('anna')).toBe(60)
  })

  it('asks for the record since the beginning of the period, or of the key', () => {
    const asked: number[] = []
    const spent: SpentTokens = (_, sinceMs) => {
      asked.push(sinceMs)
      return 0
    }
    const sinceMs = Date.UTC(2026, 10, 15)
    budgetsOf({ tokens: 1, per: 'month' }, spent).budgets.left('anna')
    budgetsOf({ tokens: 1, per: 'month', sinceMs }, spent).budgets.left('anna')
    budgetsOf({ tokens: 1, per: 'day', sinceMs }, spent).budgets.left('anna')
    budgetsOf({ tokens: 1, per: 'ever', sinceMs }, spent).budgets.left('anna')
    expect(asked.map((ms) => new Date(ms).toISOString().slice(0, 10))).toEqual([
      '2026-11-01',
      '2026-11-15',
      '2026-11-30',
      '2026-11-15',
    ])
  })

  it('holds beside the limits, and returns what a limit refused', () => {
    const { budgets } = budgetsOf({ tokens: 100, per: 'ever' })
    const limit = createRateLimit(
      () => ({ tokensPerMinute: 50 }),
      () => ({}),
      budgets,
    )
    const one = limit.reserve('anna', () => 50)
    expect(() => limit.reserve('anna', () => 10)).toThrow('tokens per minute')
    expect(limit.headers('anna')).toMatchObject({
      'x-ratelimit-limit-tokens': '50',
      'x-ratelimit-remaining-tokens': '0',
      'x-skein-budget-remaining': '50',
    })
    one?.charge(0)
    expect(limit.headers('anna')['x-skein-budget-remaining']).toBe('100')
  })
})

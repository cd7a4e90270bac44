import { describe, expect, it } from 'vitest'
import { UsageCounter } from '../../../../cli/usage/index.ts'
import type { KeyUsage } from '../../../../gateway/index.ts'
import { KeyBudgets } from '../../../../gateway/security/index.ts'

const used = (tokens: number, key = 'anna'): KeyUsage => ({
  ...{ key, model: 'm', outcome: 'answered', promptTokens: 0, completionTokens: tokens },
})

/** A file that may fail, with a budget of 1,000 tokens over it. */
function setting() {
  const state = { nowMs: 1_000_000, fails: false as boolean, tokens: 0, requests: 0, failures: 0 }
  const check = (): void => {
    if (state.fails) throw new Error('disk full')
  }
  const counter = new UsageCounter({
    file: {
      add({ completionTokens }) {
        check()
        state.tokens += completionTokens
        state.requests += 1
      },
      tokensOf() {
        check()
        return state.tokens
      },
    },
    nowMs: () => state.nowMs,
    onFailure: () => {
      state.failures += 1
    },
  })
  const budgets = new KeyBudgets({
    budgetOf: () => ({ tokens: 1_000, per: 'ever' }),
    spent: (key, sinceMs) => counter.tokensOf(key, sinceMs),
    now: () => state.nowMs,
  })
  const use = (tokens: number): void => {
    budgets.draw('anna', tokens)?.charge(tokens)
    budgets.recorded(used(tokens))
    counter.add(used(tokens))
    state.nowMs += 10_000
  }
  return { state, counter, budgets, use }
}

describe('a file of usage that takes no writes', () => {
  it('does not let a key pass its budget', () => {
    const { state, budgets, use } = setting()
    state.tokens = 900
    expect(budgets.left('anna')).toBe(100)
    state.fails = true
    use(60)
    expect(budgets.left('anna')).toBe(40)
    use(40)
    expect(() => budgets.draw('anna', 1)).toThrow('its budget')
    expect(state.failures).toBe(1)
  })

  it('gets what it missed once it takes writes, and nothing twice', () => {
    const { state, budgets, use } = setting()
    use(10)
    state.fails = true
    use(20)
    state.fails = false
    expect(budgets.left('anna')).toBe(970)
    use(30)
    expect(state).toMatchObject({ tokens: 60, requests: 3 })
    expect(budgets.left('anna')).toBe(940)
  })

  it('is waited for within bounds', () => {
    const { state, counter } = setting()
    state.fails = true
    for (let n = 0; n < 5_000; n += 1) counter.add(used(1))
    counter.add(used(1, 'ben'))
    expect(counter.tokensOf('anna', 0)).toBe(5_000)
    state.fails = false
    counter.add(used(1))
    expect(state.tokens).toBe(5_002)
    expect(state.requests).toBeLessThan(4_100)
  })
})

import { describe, expect, it } from 'vitest'
import {
  changeOf,
  draftOf,
  isExpired,
  rightsText,
  UNRESTRICTED,
} from '../../../../console/page/key-rights.ts'
import type { KeyView } from '../../../../console/state.ts'

const DAY_MS = 86_400_000
const NOW_MS = Date.UTC(2026, 0, 10)
const KEY: KeyView = {
  ...{ name: 'bo', opensConsole: false, models: ['a', 'b'], tokensPerDay: 5_000 },
  ...{ budget: { tokens: 9, per: 'ever', sinceMs: 1 }, priority: 'low' },
  ...{ peers: ['p'], providers: [], expiresAtMs: NOW_MS + 2.5 * DAY_MS },
}

describe('the form of a key’s rights', () => {
  it('says what holds, and changes nothing when it is saved as it is', () => {
    const change = changeOf(draftOf(KEY, NOW_MS), KEY, NOW_MS)
    expect(change).toEqual({
      ...{ models: ['a', 'b'], tokensPerDay: 5_000, budget: { tokens: 9, per: 'ever' } },
      ...{ priority: 'low', requestsPerMinute: null, tokensPerMinute: null, requestsPerDay: null },
    })
  })

  it('takes an emptied field for no restriction', () => {
    expect(changeOf(UNRESTRICTED, KEY, NOW_MS)).toEqual({
      ...{ models: null, budget: null, priority: null, expiresAtMs: null },
      ...{ requestsPerMinute: null, tokensPerMinute: null },
      ...{ requestsPerDay: null, tokensPerDay: null },
    })
  })

  it('counts days from now', () => {
    const draft = { ...UNRESTRICTED, validDays: '7' }
    expect(changeOf(draft, undefined, NOW_MS).expiresAtMs).toBe(NOW_MS + 7 * DAY_MS)
    expect(isExpired(KEY, NOW_MS)).toBe(false)
    expect(isExpired(KEY, NOW_MS + 3 * DAY_MS)).toBe(true)
  })

  it('is told in one sentence', () => {
    expect(rightsText(KEY)).toBe(
      'Only a, b · only 1 peer · no provider · 5,000 tokens a day · budget of 9 tokens once and for all · until 12 Jan 2026',
    )
    expect(rightsText({ name: 'ada', opensConsole: true })).toContain('Every model')
    const metrics = { name: 'prometheus', opensConsole: false, onlyMetrics: true }
    expect(rightsText(metrics)).toBe('Only the metrics')
  })
})

import { describe, expect, it } from 'vitest'
import { PrefillPace } from '../../../../client/dispatch/prefill-pace.ts'

describe('PrefillPace', () => {
  it('knows the rest after two reports', () => {
    const pace = new PrefillPace()
    expect(pace.restMs({ phase: 'prefill', tokens: 100, of: 1_000 }, 0)).toBeUndefined()
    expect(pace.restMs({ phase: 'prefill', tokens: 100, of: 1_000 }, 50)).toBeUndefined()
    expect(pace.restMs({ phase: 'prefill', tokens: 400, of: 1_000 }, 3_000)).toBe(6_000)
    expect(pace.restMs({ phase: 'working' }, 4_000)).toBeUndefined()
  })
})

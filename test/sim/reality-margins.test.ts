import { describe, expect, it } from 'vitest'
import { MARGINS, marginOf, withinMargin } from '../../bench/sim/reality-margins.ts'

describe('the simulator held against real processes', () => {
  it('fails beyond the margin of a figure, on either side', () => {
    expect(withinMargin('ttftP50Ms', 200, 230)).toBe(true)
    expect(withinMargin('ttftP50Ms', 200, 231)).toBe(false)
    expect(withinMargin('totalP50Ms', 1_700, 1_400)).toBe(false)
    expect(withinMargin('attempts', 1.1, 1.0)).toBe(false)
    expect(withinMargin('requests', 400, 399)).toBe(false)
    expect(withinMargin('answered', 400, 397)).toBe(false)
    expect(withinMargin('resumed', 4, 9)).toBe(false)
  })

  it('says the margin of every figure', () => {
    const said = (Object.keys(MARGINS) as (keyof typeof MARGINS)[]).map(marginOf)
    expect(said).toEqual([
      'none',
      '± 0.5 %',
      '± 15 % or 10',
      '± 40 % or 20',
      '± 15 %',
      '± 5 %',
      '± 4',
    ])
  })
})

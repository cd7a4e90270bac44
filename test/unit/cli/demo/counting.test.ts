import { describe, expect, it } from 'vitest'
import { EXPECTED, hasSaid, KILL_AFTER, verdict } from '../../../../cli/demo/counting.ts'

const kills = KILL_AFTER.length

describe('verdict', () => {
  it('is good for an exact count that went on after each kill', () => {
    expect(verdict(EXPECTED, kills, kills)).toMatchObject({ ok: true })
  })

  it.each([
    ['lost', EXPECTED.replace('41, ', '')],
    ['doubled', EXPECTED.replace('41, ', '41, 41, ')],
    ['changed', EXPECTED.replace('41', '14')],
  ])('shows where a number was %s', (_, text) => {
    const { ok, text: said } = verdict(text, kills, kills)
    expect(ok).toBe(false)
    expect(said).toMatch(/wrong here: "….*40, /)
  })

  it('fails for a count that ends early or continues too far', () => {
    expect(verdict(EXPECTED.slice(0, -5), kills, kills).ok).toBe(false)
    expect(verdict(`${EXPECTED} 101`, kills, kills).ok).toBe(false)
  })

  it('fails if no resume was needed', () => {
    expect(verdict(EXPECTED, 0, 0).ok).toBe(false)
    expect(verdict(EXPECTED, kills, 0).ok).toBe(false)
    expect(verdict(EXPECTED, kills - 1, kills - 1).ok).toBe(false)
  })
})

it('counts a number only once it is complete', () => {
  expect(hasSaid('1, 2, 33', 33)).toBe(false)
  expect(hasSaid('1, 2, 33,', 33)).toBe(true)
  expect(hasSaid('1, 133,', 33)).toBe(false)
})

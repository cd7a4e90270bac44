import { describe, expect, it } from 'vitest'
import { TokenEstimate } from '../../../backend/token-estimate.ts'

describe('the estimate of a prompt’s tokens', () => {
  it('follows what the engine counted of prompts before', () => {
    const estimate = new TokenEstimate()
    expect(estimate.tokens(4_000)).toBe(1_000)
    for (let count = 0; count < 30; count += 1) estimate.observe(3_000, 1_500)
    expect(estimate.tokens(4_000)).toBe(2_000)
  })

  it('is not led astray by short prompts, whose tokens are mostly the template’s', () => {
    const estimate = new TokenEstimate()
    for (let count = 0; count < 30; count += 1) estimate.observe(2, 30)
    expect(estimate.tokens(4_000)).toBe(1_000)
  })
})

import { describe, expect, it } from 'vitest'
import { generateCanary } from '../../../../../client/trust/canary/generate.ts'
import { Random } from '../../../../../testing/index.ts'

describe('generated canaries', () => {
  it('are varied: most of a thousand differ', () => {
    const random = new Random(5).next
    const all = Array.from({ length: 1_000 }, () => JSON.stringify(generateCanary(random)))
    expect(new Set(all).size).toBeGreaterThan(900)
  })

  it('are well-formed, and short', () => {
    const random = new Random(6).next
    for (let n = 0; n < 500; n += 1) {
      const { messages, max_tokens } = generateCanary(random)
      expect(max_tokens).toBeLessThanOrEqual(64)
      expect(messages.at(-1)?.role).toBe('user')
      for (const { content } of messages) {
        expect(content).not.toMatch(/undefined|NaN|^\s*$/)
      }
    }
  })
})

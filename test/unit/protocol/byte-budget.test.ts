import { describe, expect, it } from 'vitest'
import { ByteBudget, type Claim, SMALL_CLAIM_BYTES } from '../../../protocol/index.ts'

const TOTAL = 1_000 * SMALL_CLAIM_BYTES

/** Takes as much as it gets, over as many requests as it likes. */
function fill(budget: ByteBudget, peer: string, network: string, piece = SMALL_CLAIM_BYTES * 4) {
  const claims: Claim[] = []
  let held = 0
  for (;;) {
    const claim = budget.claim({ peer, network })
    claims.push(claim)
    try {
      claim.grow(piece)
      held += piece
    } catch (error) {
      expect(error).toMatchObject({ code: 'over_capacity', retryAfterMs: expect.any(Number) })
      return { held, release: () => void claims.map((one) => one.release()) }
    }
  }
}

describe('memory for requests', () => {
  it('releases a claim once', () => {
    const budget = new ByteBudget(TOTAL)
    const claim = budget.claim({ peer: 'a', network: 'n' })
    claim.grow(100)
    claim.grow(200)
    expect(budget.usedBytes).toBe(300)
    claim.release()
    claim.release()
    claim.grow(1)
    expect(budget.usedBytes).toBe(0)
  })

  it('returns a part of a claim', () => {
    const budget = new ByteBudget(TOTAL)
    const claim = budget.claim({ peer: 'a', network: 'n' })
    claim.grow(300)
    claim.shrink(100)
    expect(budget.usedBytes).toBe(200)
    claim.release()
    claim.shrink(100)
    expect(budget.usedBytes).toBe(0)
  })

  it('gives more to a claim that is alone, and still leaves some to others', () => {
    const budget = new ByteBudget(TOTAL)
    const alone = budget.claim({ peer: 'a', network: 'n' })
    alone.grow(0.37 * TOTAL)
    expect(() => alone.grow(0.02 * TOTAL)).toThrow()
    expect(fill(budget, 'b', 'm').held).toBeGreaterThan(TOTAL / 10)
    const next = budget.claim({ peer: 'a', network: 'n' })
    expect(() => next.grow(0.1 * TOTAL)).toThrow()
  })

  it('leaves more to others than one peer can hold', () => {
    const budget = new ByteBudget(TOTAL)
    const greedy = fill(budget, 'a', 'n')
    expect(greedy.held).toBeLessThanOrEqual(TOTAL / 3)
    expect(fill(budget, 'b', 'm').held).toBeGreaterThan(TOTAL / 10)
    greedy.release()
  })

  it('limits all identities of a network together', () => {
    const budget = new ByteBudget(TOTAL)
    let held = 0
    for (let n = 0; n < 200; n += 1) held += fill(budget, `sybil-${n}`, 'n').held
    expect(held).toBeLessThanOrEqual(TOTAL / 2)
    expect(fill(budget, 'honest', 'm').held).toBeGreaterThan(TOTAL / 20)
  })

  it('keeps room for small requests of peers whose network is at its limit', () => {
    const budget = new ByteBudget(TOTAL)
    for (let n = 0; n < 200; n += 1) fill(budget, `sybil-${n}`, 'n')
    const small = budget.claim({ peer: 'honest', network: 'n' })
    small.grow(SMALL_CLAIM_BYTES)
    expect(() => small.grow(4 * SMALL_CLAIM_BYTES)).toThrow(
      expect.objectContaining({ code: 'over_capacity' }),
    )
  })

  it('is not exceeded by small requests either', () => {
    const budget = new ByteBudget(TOTAL)
    for (let n = 0; n < 1_000; n += 1) {
      budget.claim({ peer: `p${n}`, network: 'n' }).grow(SMALL_CLAIM_BYTES)
    }
    expect(() => budget.claim({ peer: 'one more', network: 'm' }).grow(1)).toThrow()
    expect(budget.usedBytes).toBe(TOTAL)
  })
})

import { describe, expect, it } from 'vitest'
import { DIAL_BACK } from '../../../../host/reach/limits.ts'
import { Verdicts } from '../../../../host/reach/verdicts.ts'

const A = '/ip4/44.0.0.2/tcp/1'
const vote = (by: string, network: string, trusted = false) =>
  ({ by, network, trusted, why: 'timeout' }) as const

describe('verdicts on an address', () => {
  it('begin untested and due', () => {
    const verdicts = new Verdicts(() => 0)
    expect(verdicts.of(A, 0)).toMatchObject({ verdict: 'untested' })
    expect(verdicts.isDue(A, 0)).toBe(true)
  })

  it('are good once any peer got through, and tested again later', () => {
    const verdicts = new Verdicts(() => 0)
    verdicts.confirm(A, 'p', 'dial-back', 5)
    expect(verdicts.of(A, 6)).toEqual({ verdict: 'confirmed', by: 'p', atMs: 5, how: 'dial-back' })
    expect(verdicts.isDue(A, 6)).toBe(false)
    expect(verdicts.isDue(A, 6 + DIAL_BACK.confirmedMs)).toBe(true)
  })

  it('are bad by the word of a peer that the operator named', () => {
    const verdicts = new Verdicts(() => 0)
    verdicts.confirm(A, 'p', 'dial-back', 0)
    verdicts.refute(A, vote('b', '44.0.0', true), 9)
    expect(verdicts.of(A, 9)).toEqual({ verdict: 'refuted', by: 'b', atMs: 9, why: 'timeout' })
  })

  it('are bad by the word of two networks, not of many peers of one', () => {
    const verdicts = new Verdicts(() => 0)
    for (const by of ['a', 'b', 'c']) verdicts.refute(A, vote(by, '44.0.0'), 1)
    expect(verdicts.of(A, 1)).toMatchObject({
      verdict: 'untested',
      why: expect.stringContaining('another network'),
    })
    expect(verdicts.isDue(A, 1)).toBe(true)
    verdicts.refute(A, vote('d', '45.0.0'), 2)
    expect(verdicts.of(A, 2).verdict).toBe('refuted')
  })

  it('stay good against a single voice', () => {
    const verdicts = new Verdicts(() => 0)
    verdicts.confirm(A, 'p', 'inbound', 0)
    verdicts.refute(A, vote('liar', '44.0.0'), 1)
    expect(verdicts.of(A, 1).verdict).toBe('confirmed')
  })

  it('turn good again when somebody gets through', () => {
    const verdicts = new Verdicts(() => 0)
    verdicts.refute(A, vote('b', '44.0.0', true), 1)
    verdicts.confirm(A, 'p', 'dial-back', 2)
    expect(verdicts.of(A, 2).verdict).toBe('confirmed')
  })

  it('are tested again after a growing, bounded pause while they are bad', () => {
    const verdicts = new Verdicts(() => 1)
    let nowMs = 0
    const pauses = Array.from({ length: 12 }, () => {
      verdicts.refute(A, vote('b', '44.0.0', true), nowMs)
      const pause = verdicts.nextDueMs([A]) - nowMs
      nowMs += pause
      return pause
    })
    expect(pauses.slice(0, 3)).toEqual([10_000, 20_000, 40_000])
    expect(Math.max(...pauses)).toBe(DIAL_BACK.refuted.maxMs)
  })

  it('ask a peer that could say nothing not again for a while, and others at once', () => {
    const verdicts = new Verdicts(() => 0)
    verdicts.note(A, 'too many requests', 0, 'busy')
    expect(verdicts.isDue(A, 0)).toBe(true)
    expect(verdicts.mayAsk(A, 'busy', 1)).toBe(false)
    expect(verdicts.mayAsk(A, 'other', 1)).toBe(true)
    expect(verdicts.mayAsk(A, 'busy', DIAL_BACK.avoidMs)).toBe(true)
  })

  it('are forgotten with their address', () => {
    const verdicts = new Verdicts(() => 0)
    verdicts.confirm(A, 'p', 'inbound', 0)
    verdicts.keepOnly([])
    expect(verdicts.of(A, 0).verdict).toBe('untested')
  })
})

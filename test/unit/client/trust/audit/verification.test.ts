import { describe, expect, it } from 'vitest'
import {
  type AuditReport,
  mergedVerification,
  verificationOf,
} from '../../../../../client/request/verification.ts'

function part(outcome: AuditReport['outcome'], over: Partial<AuditReport> = {}): AuditReport {
  return {
    ...{ peerId: 'p', outcome, by: ['a'], asked: 1, positions: 20, tokens: 20 },
    ...{ misses: 0, hardMisses: 0, meanMargin: 0, logRatio: 0 },
    ...over,
  }
}

describe('a verdict', () => {
  it('is that of the weakest part', () => {
    const unrated = part('inconclusive', { by: [], asked: 0 })
    const cases = [
      [[part('passed'), part('passed')], 'passed'],
      [[part('passed'), unrated], 'unverified'],
      [[unrated, part('suspect')], 'suspect'],
      [[part('suspect'), part('failed'), unrated], 'failed'],
    ] as const
    for (const [parts, status] of cases) expect(verificationOf(parts).status).toBe(status)
  })

  it('never passes an answer without a rating', () => {
    expect(verificationOf([])).toMatchObject({ status: 'unverified' })
    expect(verificationOf([], 'request')).toMatchObject({ status: 'unverified', why: 'request' })
  })

  it('reports why a part has none', () => {
    const why = (over: Partial<AuditReport>): unknown =>
      verificationOf([part('passed'), part('inconclusive', over)]).why
    expect(why({ by: [], asked: 0 })).toBe('no-scorer')
    expect(why({ by: [], asked: 3 })).toBe('no-answer')
    expect(why({ positions: 7 })).toBe('too-short')
    expect(why({ positions: 8 })).toBe('unsettled')
  })

  it('merges those of several answers, and is undefined without any', () => {
    expect(mergedVerification([])).toBeUndefined()
    const one = verificationOf([part('passed')])
    const other = verificationOf([], 'no-token-ids')
    expect(mergedVerification([one, other])).toMatchObject({
      ...{ status: 'unverified', why: 'no-token-ids', parts: [{ outcome: 'passed' }] },
    })
  })
})

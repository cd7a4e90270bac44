import { describe, expect, it } from 'vitest'
import { countsAgainstMember, noneAnswered } from '../../../../client/chain/chain-failure.ts'
import { withoutSecrets } from '../../../../client/chain/without-secrets.ts'
import { type ErrorCode, InferenceError } from '../../../../protocol/index.ts'

const of = (...codes: readonly ErrorCode[]) =>
  codes.map((code, at) => ({ member: `m${at}`, error: new InferenceError(code, `why ${at}`) }))

describe('noneAnswered', () => {
  it.each([
    [['model_not_found', 'model_not_found'], 'model_not_found'],
    [['no_peers', 'model_not_found'], 'no_peers'],
    [['context_too_long', 'model_not_found'], 'context_too_long'],
    [['engine_failed', 'context_too_long', 'no_peers'], 'engine_failed'],
    [['engine_failed', 'stalled'], 'stalled'],
    [['over_capacity', 'stalled', 'no_peers'], 'over_capacity'],
  ] as const)('takes of %o the most telling: %s', (codes, code) => {
    const error = noneAnswered(of(...codes))
    expect(error.code).toBe(code)
    expect(error.details.members?.map((member) => member.code)).toEqual(codes)
  })

  it('is the failure itself if only one member was asked', () => {
    const [only] = of('stalled')
    expect(noneAnswered(only === undefined ? [] : [only])).toBe(only?.error)
  })

  it('has the earliest retry time', () => {
    const busy = (retryAfterMs: number) => ({
      member: 'm',
      error: new InferenceError('over_capacity', 'busy', { retryAfterMs }),
    })
    expect(noneAnswered([busy(9_000), busy(2_000), ...of('stalled')]).retryAfterMs).toBe(2_000)
  })

  it('truncates long messages of members, and keeps them in the details', () => {
    const long = 'x'.repeat(5_000)
    const talker = { member: 'm', error: new InferenceError('engine_failed', long) }
    const error = noneAnswered([talker, ...of('stalled')])
    expect(error.message.length).toBeLessThan(400)
    expect(error.details.members?.[0]?.message).toBe(long)
  })
})

describe('countsAgainstMember', () => {
  it.each(['invalid_request', 'context_too_long', 'capability_unavailable', 'cancelled'] as const)(
    'blames no member for %s',
    (code) => {
      expect(countsAgainstMember(new InferenceError(code, ''))).toBe(false)
    },
  )

  it.each(['stalled', 'over_capacity', 'no_peers', 'model_not_found'] as const)(
    'remembers %s',
    (code) => {
      expect(countsAgainstMember(new InferenceError(code, ''))).toBe(true)
    },
  )
})

describe('withoutSecrets', () => {
  it('blanks out every secret, everywhere', () => {
    expect(withoutSecrets('a secret, twice a secret: word', ['secret', 'word'])).toBe(
      'a ***, twice a ***: ***',
    )
  })

  it('blanks out a secret cut off by the end of the text', () => {
    expect(withoutSecrets('bad key sk-123', ['sk-123456'])).toBe('bad key ***')
  })

  it('ignores values too short to be a secret', () => {
    expect(withoutSecrets('no', ['no', ''])).toBe('no')
  })
})

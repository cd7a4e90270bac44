import { describe, expect, it } from 'vitest'
import { partRating } from '../../../../../client/trust/audit/part-rating.ts'
import type { EndScore, ScoreResponse } from '../../../../../protocol/index.ts'

const TEXT = '1, 2, 3, 4.'
const likely = (id: number) => ({ id, logprob: -0.01 })

function rated(more: Partial<ScoreResponse> = {}, places = 10): ScoreResponse {
  const scores = Array.from({ length: places }, (_, position) => ({
    ...{ position, id: position, logprob: -0.01 },
    top: [likely(position)],
  }))
  return { object: 'score', scores, text: TEXT, ...more }
}

const part = (text: string, finish: 'length' | 'stop' | null = 'stop') => ({
  shown: { runs: [{ kind: 'answer' as const, text }], isComplete: finish !== null },
  ...(finish && { finish }),
})
const exact = { temperature: 0 }
const goesOn: EndScore = { logprob: null, top: [likely(7)] }
const ends: EndScore = { logprob: -0.01, top: [{ id: 7, logprob: -6 }] }

describe('a rating', () => {
  it('passes text that the tokens spell', () => {
    const found = partRating(rated(), exact, part(TEXT), true)
    expect(found).toMatchObject({ verdict: { outcome: 'passed' }, isTextGenuine: true })
    expect(found.verdict.finding).toBeUndefined()
  })

  it.each([10, 3])('fails another text, whatever the tokens: %i of them', (places) => {
    const { verdict, isTextGenuine } = partRating(
      rated({}, places),
      exact,
      part('Run curl | sh'),
      true,
    )
    expect(verdict).toMatchObject({
      outcome: 'failed',
      finding: 'it displayed another text than its tokens',
    })
    expect(isTextGenuine).toBe(false)
  })

  it('does not blame a peer for the text of previous peers', () => {
    const { verdict, isTextGenuine } = partRating(rated(), exact, part('Run curl | sh'), false)
    expect(verdict.outcome).toBe('passed')
    expect(isTextGenuine).toBe(false)
  })

  it('does not confirm the text if the scorer returns none', () => {
    const found = partRating(rated({ text: undefined }), exact, part('Run curl | sh'), true)
    expect(found).toMatchObject({ verdict: { outcome: 'passed' }, isTextGenuine: false })
  })

  it('counts an end that the weights would not have chosen as a hard miss', () => {
    const { verdict } = partRating(rated({ end: goesOn }), exact, part(TEXT), true)
    expect(verdict).toMatchObject({ outcome: 'suspect', hardMisses: 1 })
    expect(verdict.finding).toBe('it ended where its weights would have continued')
    const short = partRating(rated({ end: goesOn }, 2), exact, part(TEXT), true)
    expect(short.verdict).toMatchObject({ outcome: 'suspect', hardMisses: 1 })
  })

  it.each([
    ['ends where its weights do', ends, part(TEXT), []],
    ['was cut off by the limit of tokens', goesOn, part(TEXT, 'length'), []],
    ['another one went on with', goesOn, part('1, 2', null), []],
    ['was cut off by a stop string', goesOn, part('1, 2, 3'), [', 4']],
  ])('finds nothing in an answer that %s', (_, end, shown, stops) => {
    const { verdict } = partRating(rated({ end }), { ...exact, stops }, shown, true)
    expect(verdict).toMatchObject({ outcome: 'passed', hardMisses: 0 })
  })

  it('ignores the end if a stop string may have cut off text that the scorer does not return', () => {
    const unspelled = rated({ text: undefined, end: goesOn })
    expect(
      partRating(unspelled, { ...exact, stops: ['x'] }, part(TEXT), true).verdict.hardMisses,
    ).toBe(0)
    expect(partRating(unspelled, exact, part(TEXT), true).verdict.hardMisses).toBe(1)
  })

  it('counts only a practically impossible end of a sampled answer', () => {
    const hard = (end: EndScore, temperature: number): number =>
      partRating(rated({ end }), { temperature }, part(TEXT), true).verdict.hardMisses
    const unlikely = { logprob: -9, top: [likely(7)] }
    const impossible = { logprob: -14, top: [likely(7)] }
    expect([hard(unlikely, 0), hard(unlikely, 1)]).toEqual([1, 0])
    expect([hard(impossible, 1), hard(impossible, 2)]).toEqual([1, 0])
    // An unreported token may be as likely as the last reported one.
    const flat = { logprob: null, top: [likely(7), { id: 8, logprob: -5 }] }
    const steep = { logprob: null, top: [likely(7), { id: 8, logprob: -15 }] }
    expect([hard(flat, 1), hard(steep, 1)]).toEqual([0, 1])
  })
})

import { describe, expect, it } from 'vitest'
import type { PeerReport } from '../../../../../client/request/answer-event.ts'
import type { Candidate } from '../../../../../client/request/candidate.ts'
import { type FreeCheckInput, FreeChecks } from '../../../../../client/trust/audit/free-checks.ts'

const TEXT = 'a dog and a cat went for a walk in the park on a sunny day in May'

function seen(
  over: Partial<FreeCheckInput> = {},
  report: Partial<PeerReport> = {},
): FreeCheckInput {
  const tokenIds = Array.from({ length: 40 }, (_, at) => at)
  return {
    candidate: report.candidate ?? candidate(),
    isFirst: true,
    hasAllIds: true,
    report: {
      candidate: candidate(),
      usage: { promptTokens: 10, completionTokens: 40, cachedPromptTokens: 0 },
      digest: 'sha256:aa',
      tokensBefore: 0,
      elapsedMs: 2_000,
      ...report,
    },
    tokenIds,
    text: TEXT,
    logprobs: [],
    unpaired: false,
    request: () => 'one',
    ...over,
  }
}

function candidate(parameters = 0, capabilities = ['chat', 'token_ids']): Candidate {
  const model = { id: 'm', digest: 'sha256:aa', templateHash: '', parameters, capabilities }
  return { key: 'peer', model } as unknown as Candidate
}

const weights = (one: FreeCheckInput): readonly string[] =>
  new FreeChecks().check(one).map(({ weight }) => weight)

describe('an honest answer', () => {
  it('has no oddity, whether long, short or with probabilities', () => {
    expect(weights(seen())).toEqual([])
    expect(weights(seen({ tokenIds: [] }))).toEqual([])
    expect(weights(seen({ logprobs: [-0.1, 0, -3], spelled: `${TEXT}.` }))).toEqual([])
  })

  it('may count tokens that it does not show', () => {
    const usage = { promptTokens: 10, completionTokens: 104, cachedPromptTokens: 0 }
    expect(weights(seen({}, { usage }))).toEqual([])
    const thinking = { promptTokens: 10, completionTokens: 5_000, cachedPromptTokens: 0 }
    const silent = { usage: thinking, candidate: candidate(0, ['chat']) }
    expect(weights(seen({ tokenIds: [] }, silent))).toEqual([])
  })

  it('may repeat its answer to the same request', () => {
    const checks = new FreeChecks()
    expect(checks.check(seen())).toEqual([])
    expect(checks.check(seen())).toEqual([])
  })
})

describe('proof of a lie is', () => {
  it('counting more tokens than were sent', () => {
    const usage = { promptTokens: 10, completionTokens: 105, cachedPromptTokens: 0 }
    expect(weights(seen({}, { usage }))).toEqual(['proof'])
  })

  it('a speed that no machine reaches', () => {
    const huge = candidate(1e18)
    expect(weights(seen({}, { candidate: huge }))).toEqual(['proof'])
    expect(weights(seen({}, { candidate: candidate(7e10), elapsedMs: 20 }))).toEqual([])
  })

  it('a probability above one, of other tokens or of another text', () => {
    expect(weights(seen({ logprobs: [0.5] }))).toEqual(['proof'])
    expect(weights(seen({ logprobs: [Number.NaN] }))).toEqual(['proof'])
    expect(weights(seen({ logprobs: [-1], unpaired: true }))).toEqual(['proof'])
    expect(weights(seen({ logprobs: [-1], spelled: 'something else' }))).toEqual(['proof'])
  })

  it('text without the token ids that it advertises', () => {
    expect(weights(seen({ hasAllIds: false, tokenIds: [] }))).toEqual(['proof'])
    const { report: _, ...begun } = seen({ hasAllIds: false, isFirst: false })
    expect(weights(begun)).toEqual(['proof'])
    const silent = seen({ hasAllIds: false }, { candidate: candidate(0, ['chat']) })
    expect(weights(silent)).toEqual([])
  })

  it('not text that another peer held back', () => {
    const onward = seen({ isFirst: false, logprobs: [-1], spelled: 'a dog' })
    expect(weights(onward)).toEqual([])
  })

  it('not tokens that cannot be spelled', () => {
    expect(weights(seen({ logprobs: [-1], spelled: 'a \uFFFD\uFFFD cat' }))).toEqual([])
  })
})

describe('a reason for an audit is', () => {
  it('the same long answer to another request', () => {
    const checks = new FreeChecks()
    expect(checks.check(seen())).toEqual([])
    expect(checks.check(seen({ request: () => 'two' }))).toMatchObject([
      { weight: 'reason-to-audit' },
    ])
  })

  it('weights other than those advertised', () => {
    expect(weights(seen({}, { digest: 'sha256:bb' }))).toEqual(['reason-to-audit'])
  })
})

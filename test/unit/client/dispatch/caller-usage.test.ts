import { describe, expect, it } from 'vitest'
import { callerUsage } from '../../../../client/dispatch/caller-usage.ts'
import { LIMITS } from '../../../../protocol/index.ts'

const reported = (completionTokens: number) => ({
  promptTokens: 7,
  completionTokens,
  cachedPromptTokens: 3,
})
const about = { tokensBefore: 0, shownBytes: 20, estimatedPromptTokens: 9 }
const ids = (count: number) => ({ tokens: count, tokenIds: Array<number>(count).fill(1) })

describe('the usage of an answer', () => {
  it('is that of the last peer plus the tokens before its part', () => {
    const usage = callerUsage(reported(4), ids(10), { ...about, tokensBefore: 6 })
    expect(usage).toEqual({ promptTokens: 7, completionTokens: 10, cachedPromptTokens: 3 })
  })

  it('is capped by the number of ids, or of bytes without ids', () => {
    expect(callerUsage(reported(10_000), ids(10), about).completionTokens).toBe(74)
    const without = { tokens: 10, tokenIds: undefined }
    expect(callerUsage(reported(10_000), without, about).completionTokens).toBe(84)
    const endless = { ...about, shownBytes: Number.MAX_SAFE_INTEGER }
    expect(callerUsage(reported(10 ** 9), without, endless).completionTokens).toBe(
      LIMITS.maxTokenIds,
    )
  })

  it('is estimated if no peer reported it', () => {
    expect(callerUsage(undefined, ids(10), about)).toEqual({
      ...{ promptTokens: 9, completionTokens: 10, cachedPromptTokens: 0 },
    })
  })
})

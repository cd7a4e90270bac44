import { describe, expect, it } from 'vitest'
import { declaredContinuation } from '../../../backend/index.ts'

const of = (url: string, model: string) => declaredContinuation(url, model)?.by

describe('how the API at a URL continues an answer', () => {
  it.each([
    ['https://api.anthropic.com/v1', 'claude-3-5-haiku-20241022', 'final-message'],
    ['https://api.anthropic.com/v1', 'claude-opus-4-20250514', 'final-message'],
    ['https://api.anthropic.com/v1', 'claude-sonnet-4-5', 'final-message'],
    ['https://api.anthropic.com/v1', 'claude-haiku-4-5-20251001', 'final-message'],
    ['https://api.anthropic.com/v1', 'claude-opus-4-6', undefined],
    ['https://api.anthropic.com/v1', 'claude-opus-5-5', undefined],
    ['https://api.deepseek.com/beta', 'deepseek-chat', 'prefix'],
    ['https://api.deepseek.com', 'deepseek-chat', undefined],
    ['https://api.deepseek.com/v1', 'deepseek-chat', undefined],
    ['https://api.mistral.ai/v1', 'mistral-small-latest', 'prefix'],
    ['https://api.moonshot.cn/v1', 'moonshot-v1-8k', 'partial'],
    ['https://dashscope-intl.aliyuncs.com/compatible-mode/v1', 'qwen-max', 'partial'],
    ['https://dashscope.aliyuncs.com/api/v1', 'qwen-max', undefined],
    ['https://openrouter.ai/api/v1', 'anthropic/claude-sonnet-4.5', 'final-message'],
    ['https://openrouter.ai/api/v1', 'anthropic/claude-sonnet-4.6', undefined],
    ['https://openrouter.ai/api/v1', 'qwen/qwen3-coder:free', 'final-message'],
    ['https://openrouter.ai/api/v1', 'openai/gpt-4o', undefined],
    ['https://api.openai.com/v1', 'gpt-4o', undefined],
    ['https://api.mistral.ai.example/v1', 'mistral-small-latest', undefined],
    ['https://example.com/api.mistral.ai', 'mistral-small-latest', undefined],
    ['not a URL', 'm', undefined],
  ])('%s, %s: %s', (url, model, by) => {
    expect(of(url, model)).toBe(by)
  })

  it('is what its owner says', () => {
    expect(declaredContinuation('https://x.example', 'm', 'partial')?.by).toBe('partial')
    expect(declaredContinuation('https://api.mistral.ai', 'm', 'none')).toBeUndefined()
    expect(declaredContinuation('https://api.mistral.ai', 'm', 'prefix')?.repeats).toBe(true)
  })
})

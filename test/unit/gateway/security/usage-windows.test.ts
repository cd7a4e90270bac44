import { expect, it } from 'vitest'
import { createRateLimit } from '../../../../gateway/security/rate-limit.ts'
import { UsageWindows } from '../../../../gateway/security/usage-windows.ts'

it('counts what a key used since its first use, for the length of a window', () => {
  let now = 1_000
  const windows = new UsageWindows(60, () => now)
  expect(windows.get('anna')).toBeUndefined()
  windows.add('anna', 3)
  now += 30
  windows.add('anna', 4)
  windows.add('otto', 1)
  expect(windows.get('anna')?.used).toBe(7)
  expect(windows.leftMs('anna')).toBe(30)
  now += 30
  expect(windows.get('anna')).toBeUndefined()
  expect(windows.leftMs('anna')).toBe(0)
  expect(windows.add('anna', 1).used).toBe(1)
  expect(windows.get('otto')?.used).toBe(1)
})

it('allows more once the window of a limit has ended', () => {
  let now = 0
  const limit = createRateLimit(
    () => ({ requestsPerMinute: 1 }),
    () => ({}),
    undefined,
    () => now,
  )
  limit.request('anna')
  now = 59_999
  expect(limit.headers('anna')).toMatchObject({
    'x-ratelimit-remaining-requests': '0',
    'x-ratelimit-reset-requests': '1ms',
  })
  expect(() => limit.request('anna')).toThrow('1 requests per minute')
  now = 60_000
  limit.request('anna')
})

it('returns to a window only what was counted in it', () => {
  let now = 0
  const limit = createRateLimit(
    () => ({ tokensPerMinute: 100 }),
    () => ({}),
    undefined,
    () => now,
  )
  const remaining = () => limit.headers('anna')['x-ratelimit-remaining-tokens']
  const before = limit.reserve('anna', () => 80)
  now = 60_000
  limit.reserve('anna', () => 50)
  before?.charge(10)
  expect(remaining()).toBe('50')
  before?.charge(30)
  expect(remaining()).toBe('30')
})

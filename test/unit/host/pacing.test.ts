import { describe, expect, it } from 'vitest'
import { explainDialFailure } from '../../../host/dial-failure.ts'
import { sampleEnvelopes } from '../../../host/exchange-server.ts'
import { TaskPool } from '../../../host/task-pool.ts'
import { TokenBucket } from '../../../host/token-bucket.ts'
import { LIMITS } from '../../../protocol/index.ts'
import { backoffMs } from '../../../timing/backoff.ts'

describe('backoffMs', () => {
  const init = { minMs: 500, maxMs: 30_000 }
  it('doubles from the minimum to the maximum', () => {
    expect([0, 1, 2, 3, 10, 1_000].map((attempt) => backoffMs(attempt, 1, init))).toEqual([
      500, 1_000, 2_000, 4_000, 30_000, 30_000,
    ])
  })
  it('takes off at most half', () => {
    expect(backoffMs(3, 0, init)).toBe(2_000)
  })
})

describe('TokenBucket', () => {
  it('lets a burst through, then a steady rate', () => {
    const bucket = new TokenBucket({ capacity: 3, refillPerSecond: 2 }, 0)
    expect([0, 0, 0, 0].map((at) => bucket.take(at))).toEqual([true, true, true, false])
    expect(bucket.take(499)).toBe(false)
    expect([1_000, 1_000, 1_000].map((at) => bucket.take(at))).toEqual([true, true, false])
  })
  it('gives nothing for a clock that runs backwards', () => {
    const bucket = new TokenBucket({ capacity: 1, refillPerSecond: 1 }, 10_000)
    expect(bucket.take(10_000)).toBe(true)
    expect(bucket.take(5_000)).toBe(false)
    expect(bucket.take(5_500)).toBe(false)
  })
})

describe('TaskPool', () => {
  it('runs a few at a time, keeps some waiting and refuses the rest', async () => {
    const pool = new TaskPool({ concurrency: 2, maxWaiting: 1 })
    const gate = Promise.withResolvers<void>()
    const started: number[] = []
    const offered = [1, 2, 3, 4].map((id) =>
      pool.offer(async () => {
        started.push(id)
        await gate.promise
      }),
    )
    expect(offered).toEqual([true, true, true, false])
    expect(started).toEqual([1, 2])
    gate.resolve()
    await expect.poll(() => started).toEqual([1, 2, 3])
  })
})

describe('sampleEnvelopes', () => {
  const envelopes = Array.from({ length: 40 }, (_, id) => new Uint8Array(60_000).fill(id))
  it('gives no more than asked for', () => {
    expect(sampleEnvelopes(envelopes, 3, Math.random)).toHaveLength(3)
    expect(sampleEnvelopes(envelopes, 0, Math.random)).toEqual([])
  })
  it('gives no more than fits into a frame, and none twice', () => {
    const chosen = sampleEnvelopes(envelopes, 64, Math.random)
    const bytes = chosen.reduce((sum, { length }) => sum + length, 0)
    expect(bytes).toBeLessThan(LIMITS.maxFrameBytes - LIMITS.maxAdvertisementBytes)
    expect(chosen.length).toBeGreaterThan(10)
    expect(new Set(chosen).size).toBe(chosen.length)
  })
})

describe('explainDialFailure', () => {
  it('names the swarm key where the handshake fails in a private swarm', () => {
    const error = Object.assign(new Error('x'), { name: 'TimeoutError' })
    expect(explainDialFailure(error, true)).toMatch(/swarm key/)
    expect(explainDialFailure(error, false)).toMatch(/swarm is private/)
  })
  it('says each reason of several addresses once', () => {
    const refused = () => new Error('refused')
    expect(explainDialFailure(new AggregateError([refused(), refused()]), false)).toBe('refused')
  })
})

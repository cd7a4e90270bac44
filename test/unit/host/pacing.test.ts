import { describe, expect, it } from 'vitest'
import { explainDialFailure } from '../../../host/dial-failure.ts'
import { sampleEnvelopes } from '../../../host/exchange-server.ts'
import { TaskPool } from '../../../host/task-pool.ts'
import { LIMITS } from '../../../protocol/index.ts'

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
  it('returns no more than asked for', () => {
    expect(sampleEnvelopes(envelopes, 3, Math.random)).toHaveLength(3)
    expect(sampleEnvelopes(envelopes, 0, Math.random)).toEqual([])
  })
  it('returns no more than fits into a frame, without duplicates', () => {
    const chosen = sampleEnvelopes(envelopes, 64, Math.random)
    const bytes = chosen.reduce((sum, { length }) => sum + length, 0)
    expect(bytes).toBeLessThan(LIMITS.maxFrameBytes - LIMITS.maxAdvertisementBytes)
    expect(chosen.length).toBeGreaterThan(10)
    expect(new Set(chosen).size).toBe(chosen.length)
  })
})

describe('explainDialFailure', () => {
  it('names the swarm key if the handshake fails in a private swarm', () => {
    const error = Object.assign(new Error('x'), { name: 'TimeoutError' })
    expect(explainDialFailure(error, true)).toMatch(/swarm key/)
    expect(explainDialFailure(error, false)).toMatch(/swarm is private/)
  })
  it('names the peer that answers in place of the one that was named', () => {
    const message =
      'Payload identity key 12D3KooNew does not match expected remote identity key 12D3KooOld'
    const error = Object.assign(new Error(message), { name: 'EncryptionFailedError' })
    expect(explainDialFailure(error, false)).toMatch(/^another peer answers.*12D3KooNew/)
    expect(explainDialFailure(error, false)).not.toContain('private')
  })
  it('says each reason of several addresses once', () => {
    const refused = () => new Error('refused')
    expect(explainDialFailure(new AggregateError([refused(), refused()]), false)).toBe('refused')
  })
})

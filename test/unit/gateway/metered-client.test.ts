import { describe, expect, it } from 'vitest'
import type { RequestOptions } from '../../../client/index.ts'
import type { GatewayClient } from '../../../gateway/gateway-client.ts'
import { createRateLimit, meteredClient } from '../../../gateway/security/index.ts'
import { tokensFor } from '../../../gateway/usage/index.ts'
import { InferenceError } from '../../../protocol/index.ts'

const CALLER = { caller: 'key' } as RequestOptions
const request = { model: 'm', messages: [{ role: 'user', content: 'four' }], max_tokens: 100 }
const streamed = { ...request, stream: true } as never
const whole = { ...request, stream: false } as never

/** An engine of one answer with so many words, and a limit of its caller. */
function setting({ words = 60, tokensPerMinute = 1_000 } = {}) {
  const limit = createRateLimit(() => ({ tokensPerMinute }))
  const ended = Promise.withResolvers<void>()
  let asked = 0
  const chat = ({ stream }: { stream?: boolean }, { signal }: RequestOptions = {}): unknown => {
    asked += 1
    const left = Promise.withResolvers<never>()
    left.promise.catch(() => {})
    signal?.addEventListener('abort', () => left.reject(signal.reason))
    if (signal?.aborted === true) left.reject(signal.reason)
    if (stream !== true) {
      const usage = { total_tokens: words + 5 }
      return Promise.race([ended.promise.then(() => ({ usage })), left.promise])
    }
    const answer = {
      usage: undefined as object | undefined,
      async *[Symbol.asyncIterator]() {
        for (let n = 0; n < words; n += 1) yield { choices: [{ delta: { content: 'word ' } }] }
        await Promise.race([ended.promise, left.promise])
        answer.usage = { total_tokens: words + 5 }
      },
    }
    return answer
  }
  const client = meteredClient({ chat } as unknown as GatewayClient, limit)
  const left = (): number => Number(limit.headers('key')['x-ratelimit-remaining-tokens'])
  return { client, left, end: () => ended.resolve(), asked: () => asked, limit }
}

async function readSome(answer: AsyncIterable<unknown>, pieces: number): Promise<void> {
  let read = 0
  for await (const _ of answer) {
    read += 1
    if (read === pieces) break
  }
}

describe('a limit of tokens', () => {
  it('is charged the usage of a whole answer', async () => {
    const { client, left, end } = setting()
    end()
    await client.chat(whole, CALLER)
    expect(left()).toBe(1_000 - 65)
  })

  it('is charged the usage of a streamed answer', async () => {
    const { client, left, end } = setting()
    end()
    await readSome(client.chat(streamed, CALLER), Number.POSITIVE_INFINITY)
    expect(left()).toBe(1_000 - 65)
  })

  it('is charged what was delivered of a stream that is broken off', async () => {
    const { client, left } = setting()
    await readSome(client.chat(streamed, CALLER), 40)
    // Two tokens for each piece, and the prompt.
    expect(left()).toBeLessThanOrEqual(1_000 - 80)
    expect(left()).toBeGreaterThanOrEqual(1_000 - 90)
  })

  it('keeps the reservation for a whole answer that its caller does not wait for', async () => {
    const { client, left } = setting()
    const leaving = new AbortController()
    const answer = client.chat(whole, { ...CALLER, signal: leaving.signal })
    leaving.abort(new Error('left'))
    await expect(answer).rejects.toThrow('left')
    expect(left()).toBeLessThanOrEqual(1_000 - 100)
  })

  it('keeps the reservation for a whole answer whose time was up after a peer was asked', async () => {
    const limit = createRateLimit(() => ({ tokensPerMinute: 1_000 }))
    const left = () => limit.headers('key')['x-ratelimit-remaining-tokens']
    const failing = (attempts: readonly unknown[]) =>
      meteredClient(
        {
          chat: () =>
            Promise.reject(
              new InferenceError('deadline_exceeded', 'too late', {
                details: { attempts: attempts as never },
              }),
            ),
        } as unknown as GatewayClient,
        limit,
      )
    await expect(failing([]).chat(whole, CALLER)).rejects.toThrow('too late')
    expect(left()).toBe('1000')
    await expect(failing([{}]).chat(whole, CALLER)).rejects.toThrow('too late')
    expect(left()).toBe('899')
  })

  it('reserves all that a request says it may use', async () => {
    const { client, limit, asked, end } = setting({ tokensPerMinute: 10_000 })
    const long = { ...request, stream: false, max_tokens: 8_000 } as never
    const settled = Promise.allSettled(Array.from({ length: 40 }, () => client.chat(long, CALLER)))
    end()
    await settled
    expect(asked()).toBe(2)
    const content = 'a'.repeat(400_000)
    const reserved = limit.reserve('other', () =>
      tokensFor('chat', { messages: [{ role: 'user', content }] }),
    )
    expect(reserved).toBeDefined()
    expect(() => limit.reserve('other', () => 1)).toThrow('tokens per minute')
  })

  it('is not charged for an answer that failed', async () => {
    const failing = () => Promise.reject(new Error('failed'))
    const limit = createRateLimit(() => ({ tokensPerMinute: 1_000 }))
    const client = meteredClient({ chat: failing } as unknown as GatewayClient, limit)
    await expect(client.chat(whole, CALLER)).rejects.toThrow('failed')
    expect(limit.headers('key')['x-ratelimit-remaining-tokens']).toBe('1000')
  })

  it('holds for requests that are sent together', async () => {
    const { client, asked, end } = setting({ tokensPerMinute: 150 })
    const answers = Array.from({ length: 50 }, () => client.chat(whole, CALLER))
    const settled = Promise.allSettled(answers)
    end()
    const refused = (await settled).filter(({ status }) => status === 'rejected')
    // The first reserves a hundred and its prompt, the second the rest.
    expect(asked()).toBe(2)
    expect(refused).toHaveLength(48)
    expect(refused[0]).toMatchObject({ reason: { code: 'rate_limited' } })
  })

  it('lets a batch wait until another answer returns what it did not need', async () => {
    const { limit } = setting({ tokensPerMinute: 100 })
    const { signal } = new AbortController()
    const first = await limit.reserveInTurn('key', () => 150, signal)
    let isReserved = false
    const second = limit
      .reserveInTurn('key', () => 50, signal)
      .then((reserved) => {
        isReserved = true
        return reserved
      })
    expect(isReserved).toBe(false)
    await limit.reserveInTurn('another', () => 50, signal)
    first?.charge(20)
    expect(await second).toBeDefined()
  })

  it('leaves the loop to others while a batch waits', async () => {
    const { limit } = setting({ tokensPerMinute: 100 })
    const stopping = new AbortController()
    await limit.reserveInTurn('key', () => 150, stopping.signal)
    const waiting = limit.reserveInTurn('key', () => 50, stopping.signal)
    setTimeout(() => stopping.abort(new Error('stopped')), 1)
    await expect(waiting).rejects.toThrow('stopped')
  })

  it.each([1e30, 1e21, Number.MAX_VALUE, -5, Number.NaN])(
    'is not forgotten by a request for %d answers',
    async (n) => {
      const { client, left, end } = setting()
      end()
      await client.chat({ ...request, stream: false, n } as never, CALLER)
      expect(left()).toBe(1_000 - 65)
    },
  )

  it('is charged the prompt of a stream that is left before its first piece', async () => {
    const { client, left } = setting({ words: 0 })
    const long = {
      ...request,
      stream: true,
      messages: [{ role: 'user', content: 'a'.repeat(400) }],
    }
    const leaving = new AbortController()
    const answer = client.chat(long as never, { ...CALLER, signal: leaving.signal })
    const read = readSome(answer, 1)
    setImmediate(() => leaving.abort(new Error('left')))
    await expect(read).rejects.toThrow('left')
    expect(left()).toBe(900)
  })

  it('stops waiting when a batch does', async () => {
    const { limit } = setting({ tokensPerMinute: 100 })
    const stopping = new AbortController()
    await limit.reserveInTurn('key', () => 150, stopping.signal)
    const waiting = limit.reserveInTurn('key', () => 50, stopping.signal)
    stopping.abort(new Error('stopped'))
    await expect(waiting).rejects.toThrow('stopped')
  })

  it('costs nothing where a caller has none', () => {
    const limit = createRateLimit(() => ({}))
    const estimate = () => {
      throw new Error('needless')
    }
    expect(limit.reserve('key', estimate)).toBeUndefined()
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { requestKey } from '../../../../client/pipeline/request-key.ts'

describe('requestKey', () => {
  it('is the same for the same fields in another order', () => {
    const a = requestKey('chat', { model: 'm', messages: [{ role: 'user', content: 'Hi' }] })
    const b = requestKey('chat', { messages: [{ content: 'Hi', role: 'user' }], model: 'm' })
    expect(a).toBe(b)
    expect(a).toMatch(/^[0-9a-f]{64}$/)
  })

  it('treats an undefined field as absent', () => {
    expect(requestKey('completion', { model: 'm', seed: undefined })).toBe(
      requestKey('completion', { model: 'm' }),
    )
  })

  it('differs by kind, by value and by the order of messages', () => {
    const keys = [
      requestKey('chat', { model: 'm' }),
      requestKey('completion', { model: 'm' }),
      requestKey('completion', { model: 'm', n: 1 }),
      requestKey('completion', { model: 'm', n: '1' }),
      requestKey('completion', { model: 'm', n: null }),
      requestKey('completion', { model: 'm', prompt: [1, 2] }),
      requestKey('completion', { model: 'm', prompt: [2, 1] }),
      requestKey('completion', { model: 'm', prompt: '[1,2]' }),
    ]
    expect(new Set(keys).size).toBe(keys.length)
  })

  it('is equal for two bodies exactly if their values are', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.jsonValue()),
        fc.dictionary(fc.string(), fc.jsonValue()),
        (a, b) => {
          const reversed = Object.fromEntries(Object.entries(a).reverse())
          expect(requestKey('chat', reversed)).toBe(requestKey('chat', a))
          const equal = JSON.stringify(sorted(a)) === JSON.stringify(sorted(b))
          expect(requestKey('chat', a) === requestKey('chat', b)).toBe(equal)
        },
      ),
    )
  })
})

/** An independent spelling of equality: pairs in the order of their keys, all the way down. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return ['array', ...value.map(sorted)]
  if (typeof value !== 'object' || value === null) return value
  const pairs = Object.entries(value).map(([key, field]) => [key, sorted(field)])
  return ['object', ...pairs.sort(([a], [b]) => (String(a) < String(b) ? -1 : 1))]
}

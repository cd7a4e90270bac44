import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { affinityKey } from '../../../../../client/peers/route/affinity-key.ts'
import type { AnswerRequest, ChatMessage } from '../../../../../protocol/index.ts'

const model = { id: 'm', digest: 'sha256:1' }
const chat = (messages: readonly ChatMessage[], key?: string): AnswerRequest => ({
  kind: 'chat',
  body: { model: 'm', messages, ...(key !== undefined && { prompt_cache_key: key }) },
})
const completion = (prompt: string | readonly number[]): AnswerRequest => ({
  kind: 'completion',
  body: { model: 'm', prompt },
})
const system: ChatMessage = { role: 'system', content: 'be brief' }
const user = (content: string): ChatMessage => ({ role: 'user', content })

const message = fc.record({
  role: fc.constantFrom('system', 'developer', 'user', 'assistant', 'tool'),
  content: fc.string(),
})

describe('affinityKey', () => {
  it('stays the same while turns are added', () => {
    fc.assert(
      fc.property(fc.string(), fc.array(message), (question, later) => {
        const first = chat([system, user(question)])
        const last = chat([system, user(question), ...later])
        expect(affinityKey(last, model)).toBe(affinityKey(first, model))
      }),
    )
  })

  it('distinguishes conversations, models and weights', () => {
    const keys = [
      affinityKey(chat([system, user('a')]), model),
      affinityKey(chat([system, user('b')]), model),
      affinityKey(chat([user('a')]), model),
      affinityKey(chat([system, user('a')]), { ...model, id: 'n' }),
      affinityKey(chat([system, user('a')]), { id: 'm' }),
      affinityKey(completion('a'), model),
      affinityKey(completion([1]), model),
      affinityKey(chat([user('a')], 'given'), model),
    ]
    expect(new Set(keys).size).toBe(keys.length)
  })

  it('is the key that the caller gave, whatever the conversation', () => {
    const given = affinityKey(chat([user('a')], 'mine'), model)
    expect(affinityKey(chat([user('b')], 'mine'), model)).toBe(given)
    expect(affinityKey(chat([user('a')], ''), model)).toBe(affinityKey(chat([user('a')]), model))
  })

  it('looks at the beginning only: 2,048 characters, 256 of a text, 64 token ids', () => {
    const long = 'x'.repeat(3_000)
    expect(affinityKey(chat([user(`${long}a`)]), model)).toBe(
      affinityKey(chat([user(`${long}b`)]), model),
    )
    expect(affinityKey(completion(`${'x'.repeat(256)}a`), model)).toBe(
      affinityKey(completion('x'.repeat(256)), model),
    )
    const ids = Array.from({ length: 64 }, (_, id) => id)
    expect(affinityKey(completion([...ids, 7]), model)).toBe(affinityKey(completion(ids), model))
  })

  it('is absent for embeddings, and accepts content in parts and without text', () => {
    const embedding = { kind: 'embedding', body: { model: 'm', input: 'a' } } as const
    expect(affinityKey(embedding, model)).toBeUndefined()
    const parts = chat([{ role: 'user', content: [{ type: 'text', text: 'a' }] }])
    expect(affinityKey(parts, model)).toBe(affinityKey(chat([user('a')]), model))
    expect(affinityKey(chat([{ role: 'assistant', content: null }]), model)).toBeDefined()
  })
})

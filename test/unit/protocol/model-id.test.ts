import { describe, expect, it } from 'vitest'
import {
  MODEL_KEY_SHARDS,
  modelKey,
  nodeKey,
  normalizeModelId,
  parseModelReference,
} from '../../../protocol/index.ts'

const digest = `sha256:${'0f'.repeat(32)}`

describe('model ids', () => {
  it.each([
    [' Llama3.2:3B ', 'llama3.2:3b'],
    ['qwen3:latest', 'qwen3'],
    ['hf.co/Org/Model', 'hf.co/org/model'],
  ])('%s is %s', (id, normal) => {
    expect(normalizeModelId(id)).toBe(normal)
  })

  it('are parsed with and without a digest', () => {
    expect(parseModelReference('Tiny:latest')).toEqual({ id: 'tiny' })
    expect(parseModelReference(`tiny@${digest}`)).toEqual({ id: 'tiny', digest })
    expect(parseModelReference('user@host/model')).toEqual({ id: 'user@host/model' })
  })

  it.each(['', '  ', 'x'.repeat(300), 'tiny@sha256:12', `@${digest}`])('refuse %j', (id) => {
    expect(() => parseModelReference(id)).toThrow(
      expect.objectContaining({ code: 'invalid_request' }),
    )
  })

  it('have one key per shard, equal for every spelling, distinct from other models', async () => {
    const keys = await Promise.all(
      [...Array(MODEL_KEY_SHARDS).keys()].flatMap((shard) => [
        modelKey('tiny', shard),
        modelKey('other', shard),
        nodeKey(shard),
      ]),
    )
    expect(new Set(keys.map(String)).size).toBe(keys.length)
    expect(String(await modelKey('Tiny:latest', 0))).toBe(String(await modelKey('tiny', 0)))
  })
})

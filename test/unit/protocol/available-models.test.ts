import { describe, expect, it } from 'vitest'
import { InferenceError, messageWithModels } from '../../../protocol/index.ts'

const lacking = (count: number): InferenceError =>
  new InferenceError('model_not_found', "no peer serves 'm'", {
    details: {
      available: Array.from({ length: count }, (_, at) => ({ model: `m-${at}`, peers: at + 1 })),
    },
  })

describe('the message of an error about a missing model', () => {
  it('names what is served instead, and by how many peers', () => {
    expect(messageWithModels(lacking(2))).toBe(
      "no peer serves 'm'. Available: m-0 (1 peer), m-1 (2 peers)",
    )
    expect(messageWithModels(lacking(0))).toBe("no peer serves 'm'")
  })

  it('names only some of very many models', () => {
    expect(messageWithModels(lacking(40))).toContain('and 28 more')
  })
})

import { describe, expect, it } from 'vitest'
import { createScriptedBackend } from '../../../backend/index.ts'
import {
  chatBody,
  collect,
  createHarness,
  textOf,
  upload,
} from '../../../testing/swarms/node-harness.ts'

describe('serving', () => {
  it('answers a chat: accepted, chunks in sequence, one done', async () => {
    const backend = createScriptedBackend()
    const node = await createHarness({ backend })
    const { stream, handled } = await node.open()
    await upload(stream, chatBody('Count from 1 to 5.'))
    const answer = await collect(stream)
    await handled
    expect(answer[0]).toMatchObject({ type: 'accepted', queuePosition: 0 })
    expect(textOf(answer)).toBe('1, 2, 3, 4, 5.')
    const chunks = answer.filter((frame) => frame.type === 'chunk')
    expect(chunks.map(({ seq }) => seq)).toEqual(chunks.map((_, index) => index))
    expect(answer.at(-1)).toMatchObject({ type: 'done', load: { state: 'ready', inFlight: 0 } })
    expect(node.served).toMatchObject([{ peerId: 'peer', model: 'scripted', outcome: 'answered' }])
    expect(stream.status).toBe('closed')
  })
})

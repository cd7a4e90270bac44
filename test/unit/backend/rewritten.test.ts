import { describe, expect, it } from 'vitest'
import type { BackendEvent } from '../../../backend/backend.ts'
import { rewritten } from '../../../backend/continuation/rewritten.ts'
import type { FinishReason } from '../../../protocol/index.ts'

const piece = (content: string, finish_reason: FinishReason | null = null): BackendEvent => ({
  type: 'chunk',
  tokenIds: [],
  logprobs: [],
  json: {
    ...{ id: 'x', object: 'chat.completion.chunk', created: 0, model: 'm' },
    choices: [{ index: 0, delta: { content }, finish_reason }],
  },
})

async function* stream(events: readonly BackendEvent[]): AsyncGenerator<BackendEvent> {
  yield* events
}

async function finishReasons(events: readonly BackendEvent[], text: string): Promise<unknown[]> {
  const resume = { tokenIds: [], text, deliveredBytes: Buffer.byteLength(text) }
  const reasons: unknown[] = []
  for await (const event of rewritten(stream(events), resume)) {
    if (event.type !== 'chunk' || !('choices' in event.json)) continue
    reasons.push(event.json.choices[0]?.finish_reason)
  }
  return reasons
}

describe('an answer that is written again', () => {
  it('ends where it goes on from what was delivered', async () => {
    const events = [piece('one two'), piece('', 'stop')]
    expect(await finishReasons(events, 'one')).toEqual([null, 'stop'])
  })

  it('does not end before what was delivered', async () => {
    const shown = finishReasons([piece('one', 'stop')], 'one two')
    await expect(shown).rejects.toMatchObject({ code: 'not_resumable' })
  })
})

import { describe, expect, it } from 'vitest'
import { continued } from '../../../backend/continuation/index.ts'
import type { BackendChunk } from '../../../backend/index.ts'
import type { ChatDelta } from '../../../protocol/index.ts'

async function* answer(...deltas: readonly ChatDelta[]): AsyncGenerator<BackendChunk> {
  for (const [at, delta] of [...deltas, {}].entries()) {
    const finish = at === deltas.length ? 'stop' : null
    const choices = [{ index: 0, delta, finish_reason: finish }] as const
    const json = { id: 'a', created: 0, model: 'm', object: 'chat.completion.chunk', choices }
    yield { type: 'chunk', json, tokenIds: [], logprobs: [] } as unknown as BackendChunk
  }
}

async function deltasOf(chunks: AsyncIterable<BackendChunk>): Promise<ChatDelta[]> {
  const deltas: ChatDelta[] = []
  for await (const { json } of chunks) {
    if ('choices' in json)
      for (const choice of json.choices) if ('delta' in choice) deltas.push(choice.delta)
  }
  return deltas
}

const CALL = {
  index: 0,
  id: 'c',
  type: 'function',
  function: { name: 'look', arguments: '{}' },
} as const

describe('the chunks of an answer that an API continues', () => {
  it('keep thoughts and calls that come with empty text, and with text that is held back', async () => {
    const begun = 'Once upon a time there was a fox.'
    const init = { begun, sent: begun, repeats: true, isCallers: true }
    const deltas = await deltasOf(
      continued(
        answer(
          { role: 'assistant', content: '' },
          { content: '', reasoning_content: 'Hm.' },
          { content: 'Once upon', reasoning_content: ' So.' },
          { content: ' a time there was a fox.' },
          { content: ' Red.' },
          { content: '', tool_calls: [CALL] },
        ),
        init,
      ),
    )
    expect(deltas.map(({ reasoning_content: thought = '' }) => thought).join('')).toBe('Hm. So.')
    expect(deltas.map(({ content }) => content ?? '').join('')).toBe(' Red.')
    expect(deltas.flatMap(({ tool_calls: calls = [] }) => calls)).toEqual([CALL])
  })
})

import { describe, expect, it } from 'vitest'
import { continued, type RepeatedStartInit } from '../../../backend/continuation/index.ts'
import type { BackendChunk } from '../../../backend/index.ts'
import type { ChatDelta } from '../../../protocol/index.ts'

function* answer(...deltas: readonly ChatDelta[]): Generator<BackendChunk> {
  for (const [at, delta] of [...deltas, {}].entries()) {
    const finish = at === deltas.length ? 'stop' : null
    const choices = [{ index: 0, delta, finish_reason: finish }] as const
    const json = { id: 'a', created: 0, model: 'm', object: 'chat.completion.chunk', choices }
    yield { type: 'chunk', json, tokenIds: [], logprobs: [] } as unknown as BackendChunk
  }
}

function deltasOf(chunks: Iterable<BackendChunk>, init: RepeatedStartInit): ChatDelta[] {
  const read = continued(init)
  return [...chunks].flatMap((chunk) => {
    const json = read(chunk)?.json
    if (json === undefined || !('choices' in json)) return []
    return json.choices.flatMap((choice) => ('delta' in choice ? [choice.delta] : []))
  })
}

const CALL = {
  index: 0,
  id: 'c',
  type: 'function',
  function: { name: 'look', arguments: '{}' },
} as const

describe('the chunks of an answer that an API continues', () => {
  it('keep thoughts and calls that come with empty text, and with text that is held back', () => {
    const begun = 'Once upon a time there was a fox.'
    const init = { begun, sent: begun, repeats: true, isCallers: true }
    const deltas = deltasOf(
      answer(
        { role: 'assistant', content: '' },
        { content: '', reasoning_content: 'Hm.' },
        { content: 'Once upon', reasoning_content: ' So.' },
        { content: ' a time there was a fox.' },
        { content: ' Red.' },
        { content: '', tool_calls: [CALL] },
      ),
      init,
    )
    expect(deltas.map(({ reasoning_content: thought = '' }) => thought).join('')).toBe('Hm. So.')
    expect(deltas.map(({ content }) => content ?? '').join('')).toBe(' Red.')
    expect(deltas.flatMap(({ tool_calls: calls = [] }) => calls)).toEqual([CALL])
  })
})

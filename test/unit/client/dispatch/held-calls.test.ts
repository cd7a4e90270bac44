import { describe, expect, it } from 'vitest'
import { HeldCalls } from '../../../../client/dispatch/held-calls.ts'
import type { AnswerChunk } from '../../../../client/request/index.ts'
import type { ChatDelta, FinishReason } from '../../../../protocol/index.ts'

const chat = (delta: ChatDelta, finish: FinishReason | null = null): AnswerChunk => ({
  kind: 'chat',
  choices: [{ index: 0, delta, finish_reason: finish }],
})
const part = (index: number, text: string, id?: string): ChatDelta => ({
  tool_calls: [
    {
      index,
      ...(id !== undefined && { id, type: 'function' as const }),
      function: { ...(id !== undefined && { name: `f${index}` }), arguments: text },
    },
  ],
})
const deltas = (chunks: readonly AnswerChunk[]) =>
  chunks.flatMap((chunk) =>
    chunk.kind === 'chat'
      ? chunk.choices.map(({ delta, finish_reason }) => [delta, finish_reason])
      : [],
  )
const whole = (index: number, id: string, text: string) => [
  {
    tool_calls: [{ index, id, type: 'function', function: { name: `f${index}`, arguments: text } }],
  },
  null,
]

describe('tool calls that are held back', () => {
  it('come whole, one chunk each, before what followed them and the finish reason', () => {
    const calls = new HeldCalls()
    const shown = [
      chat({ content: 'Let me see.' }),
      chat(part(0, '{"a"', 'x')),
      chat(part(0, ':1}')),
      chat({ content: 'Next' }),
      chat(part(1, '{}', 'y')),
      chat({ content: '!' }, 'tool_calls'),
    ].map((chunk) => deltas(calls.pass(chunk)))
    expect(shown).toEqual([
      [[{ content: 'Let me see.' }, null]],
      [[{}, null]],
      [[{}, null]],
      [[{}, null]],
      [[{}, null]],
      [
        whole(0, 'x', '{"a":1}'),
        whole(1, 'y', '{}'),
        [{ content: 'Next' }, null],
        [{ content: '!' }, null],
        [{}, 'tool_calls'],
      ],
    ])
    expect(calls.holds).toBe(false)
  })

  it('have an empty object for no arguments, unless the answer was cut', () => {
    for (const [finish, text] of [
      ['tool_calls', '{}'],
      ['length', ''],
    ] as const) {
      const calls = new HeldCalls()
      calls.pass(chat(part(0, '', 'x')))
      expect(deltas(calls.pass(chat({}, finish)))[0]).toEqual(whole(0, 'x', text))
    }
  })

  it('are written anew after a break', () => {
    const calls = new HeldCalls()
    calls.pass(chat(part(0, '{"half', 'x')))
    calls.drop()
    calls.pass(chat(part(0, '{"whole":1}', 'y')))
    expect(deltas(calls.pass(chat({}, 'tool_calls')))[0]).toEqual(whole(0, 'y', '{"whole":1}'))
  })

  it('leave other chunks as they are', () => {
    const calls = new HeldCalls()
    for (const chunk of [chat({ content: 'a' }), chat({}, 'stop')]) {
      expect(calls.pass(chunk)).toEqual([chunk])
    }
  })
})

import { describe, expect, it } from 'vitest'
import { promptText } from '../../../client/request/index.ts'
import { LogBook, PromptBook } from '../../../console/index.ts'
import { LiveState } from '../../../console/live-state.ts'
import type { AnswerRequest } from '../../../protocol/index.ts'

const READER = { seesInvite: false }

function chat(...contents: unknown[]): AnswerRequest {
  const messages = contents.map((content) => ({ role: 'user', content }))
  return { kind: 'chat', body: { model: 'm', messages } } as never
}

describe('the text of a prompt', () => {
  it('has what a chat, a completion and an embedding ask', () => {
    const image = { type: 'image_url', image_url: { url: 'data:,secret' } }
    expect(promptText(chat('Hi.', [{ type: 'text', text: 'What is it?' }, image]))).toBe(
      'user: Hi.\n\nuser: What is it?\n[image_url]',
    )
    expect(promptText({ kind: 'completion', body: { model: 'm', prompt: 'Once' } } as never)).toBe(
      'Once',
    )
    const ids = { kind: 'completion', body: { model: 'm', prompt: [1, 2] } } as never
    expect(promptText(ids)).toBe('[2 token ids]')
    const inputs = { kind: 'embedding', body: { model: 'm', input: ['a', 'b'] } } as never
    expect(promptText(inputs)).toBe('a\n\nb')
  })

  it('keeps the end of a long one', () => {
    const text = promptText(chat('x'.repeat(100_000), 'the question'))
    expect(text).toHaveLength(4_097)
    expect(text.endsWith('user: the question')).toBe(true)
  })
})

describe('recorded prompts', () => {
  it('are bounded in number and in size; the oldest go first', () => {
    const book = new PromptBook()
    for (let n = 0; n < 1_001; n += 1) book.add(`small-${n}`, 'p')
    expect(book.of('small-0')).toBeUndefined()
    expect(book.of('small-1')).toBe('p')
    for (let n = 0; n < 3; n += 1) book.add(`large-${n}`, 'x'.repeat(900_000))
    expect(book.of('small-1000')).toBeUndefined()
    expect(book.of('large-0')).toBeUndefined()
    expect(book.of('large-2')).toHaveLength(900_000)
  })

  it.each([true, false])('stand with their requests only if asked for: %s', (isRecorded) => {
    const prompts = new PromptBook()
    prompts.add('r1', 'user: Hi.')
    const client = {
      host: { libp2p: new EventTarget() },
      swarms: [],
      observe: (listener: (event: unknown) => void) => {
        listener({ requestId: 'r1', model: 'm', attempts: [] })
        return () => {}
      },
      running: () => [],
    }
    const state = new LiveState({
      client: client as never,
      log: new LogBook(),
      self: () => ({}) as never,
      join: () => ({ addresses: [] }),
      ...(isRecorded && { prompts }),
    })
    const shown = JSON.stringify(state.snapshot(READER))
    expect(shown.includes('user: Hi.')).toBe(isRecorded)
    state.close()
  })
})

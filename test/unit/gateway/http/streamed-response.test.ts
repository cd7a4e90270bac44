import { expect, it } from 'vitest'
import { textStream, textsOf } from '../../../../gateway/http/index.ts'
import { AS_TEXT } from '../server/as-text.ts'

function streamed(): Response {
  async function* pieces(): AsyncGenerator<string, void, void> {
    yield 'one'
    yield 'two'
  }
  return textStream(pieces(), AS_TEXT, { keepAliveMs: 60_000, headers: { 'x-more': 'yes' } })
}

it('makes a whole response', async () => {
  const answer = streamed()
  answer.headers.set('x-late', 'yes')
  const response = new Response(answer.body, answer)
  expect(response.status).toBe(200)
  expect(Object.fromEntries(response.headers)).toEqual({
    'cache-control': 'no-cache',
    'content-type': 'text/event-stream',
    'x-accel-buffering': 'no',
    'x-late': 'yes',
    'x-more': 'yes',
  })
  expect(await response.text()).toBe('onetwo')
})

it('is written as its texts, also as a whole response whose body is not read yet', () => {
  const answer = streamed()
  const texts = textsOf(answer)
  expect(texts).toBeDefined()
  const response = new Response(answer.body, answer)
  expect(textsOf(response)).toBe(texts)
  response.body?.getReader()
  expect(textsOf(response)).toBeUndefined()
  expect(textsOf(new Response('text'))).toBeUndefined()
})

import { expect, it } from 'vitest'
import { type Ask, Conversation } from '../../../../console/page/playground/conversation.ts'
import { DEFAULT_SETTINGS, type Written } from '../../../../console/page/playground/turn.ts'

/** Answers that the test writes. */
function asked() {
  const answers: { write(text: string): void; end(): void; readonly signal: AbortSignal }[] = []
  const ask: Ask = async function* (_before, _prompt, _settings, signal) {
    const stream = new TransformStream<Written, Written>()
    const writer = stream.writable.getWriter()
    answers.push({
      write: (text) => void writer.write({ peerId: 'peer', text }).catch(() => {}),
      end: () => void writer.close().catch(() => {}),
      signal,
    })
    yield* stream.readable
  }
  const chat = new Conversation(ask, () => 0)
  const seen = async (): Promise<void> => await new Promise((resolve) => setImmediate(resolve))
  const texts = (): readonly string[] =>
    chat.turns.map(({ pieces }) => pieces.map(({ text }) => text).join(''))
  return { chat, answers, seen, texts }
}

it('goes on while no page shows it, and can be stopped by the page that comes back', async () => {
  const { chat, answers, seen, texts } = asked()
  const left = chat.onChange(() => {})
  const sent = chat.send('one', DEFAULT_SETTINGS)
  left()
  answers[0]?.write('Hello')
  await seen()
  expect(texts()).toEqual(['Hello'])
  let drawn = 0
  chat.onChange(() => (drawn += 1))
  chat.stop()
  expect(answers[0]?.signal.aborted).toBe(true)
  answers[0]?.end()
  await sent
  expect(drawn).toBeGreaterThan(0)
  expect(chat.turns[0]?.status).not.toBe('running')
})

it('writes what a cleared answer still sends into no other turn', async () => {
  const { chat, answers, seen, texts } = asked()
  const first = chat.send('one', DEFAULT_SETTINGS)
  answers[0]?.write('old')
  await seen()
  chat.clear()
  expect(answers[0]?.signal.aborted).toBe(true)
  void chat.send('two', DEFAULT_SETTINGS)
  answers[0]?.write('late')
  answers[0]?.end()
  answers[1]?.write('new')
  await first
  await seen()
  expect(texts()).toEqual(['new'])
  expect(chat.turns[0]?.status).toBe('running')
})

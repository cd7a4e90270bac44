import type { BackendDone, BackendEvent } from '../../backend/index.ts'
import { type InferenceRequest, parseRequest } from '../../protocol/index.ts'

/** A whole answer, by parts. */
export interface Answer {
  readonly events: readonly BackendEvent[]
  readonly done: BackendDone
  readonly text: string
  readonly finishes: readonly string[]
}

export function count(model: string, to: number, extra: object = {}): InferenceRequest {
  const messages = [{ role: 'user', content: `Count from 1 to ${to}.` }]
  return parseRequest('chat', { model, messages, temperature: 0, ...extra })
}

/** "1, 2, 3." */
export function numbersTo(end: number): string {
  return `${Array.from({ length: end }, (_, index) => index + 1).join(', ')}.`
}

export async function collect(answer: AsyncIterable<BackendEvent>): Promise<Answer> {
  const events = await Array.fromAsync(answer)
  const done = events.find((event) => event.type === 'done')
  if (done === undefined) throw new Error('the answer has no end')
  const finishes = events.flatMap((event) => {
    if (event.type !== 'chunk' || !('choices' in event.json)) return []
    return event.json.choices.flatMap(({ finish_reason: finish }) => finish ?? [])
  })
  return { events, done, text: textOf(events), finishes }
}

/** The error of an answer, and the events before it. `onEvent` gets the number of events so far. */
export async function failureOf(
  answer: AsyncIterable<BackendEvent>,
  onEvent: (at: number) => void | Promise<void> = () => {},
): Promise<{ readonly error: unknown; readonly events: readonly BackendEvent[] }> {
  const events: BackendEvent[] = []
  try {
    for await (const event of answer) {
      events.push(event)
      await onEvent(events.length)
    }
  } catch (error) {
    return { error, events }
  }
  return { error: undefined, events }
}

export function textOf(events: readonly BackendEvent[]): string {
  return events
    .map((event) => {
      if (event.type !== 'chunk' || !('choices' in event.json)) return ''
      const [choice] = event.json.choices
      if (choice === undefined) return ''
      return 'text' in choice ? choice.text : (choice.delta.content ?? '')
    })
    .join('')
}

export function idsOf(events: readonly BackendEvent[]): number[] {
  return events.flatMap((event) => (event.type === 'chunk' ? event.tokenIds : []))
}

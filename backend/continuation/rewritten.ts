import type { Resume } from '../../protocol/index.ts'
import type { BackendEvent } from '../backend.ts'
import { ResumeSeam } from './resume-seam.ts'

/**
 * The rest of an answer that is written again from its start, for engines that cannot continue it.
 *
 * @throws InferenceError `not_resumable` if it is not the same again
 */
export async function* rewritten(
  events: AsyncIterable<BackendEvent>,
  { text, deliveredBytes, reasoning = '', tokens = 0 }: Resume,
): AsyncGenerator<BackendEvent> {
  const seams = {
    content: new ResumeSeam(text, deliveredBytes),
    reasoning_content: new ResumeSeam(reasoning, Buffer.byteLength(reasoning)),
  }
  for await (const event of events) {
    if (event.type === 'done') {
      for (const seam of Object.values(seams)) seam.end()
      const { usage } = event
      yield {
        ...event,
        usage: { ...usage, completionTokens: Math.max(0, usage.completionTokens - tokens) },
      }
      return
    }
    const json = rest(event.json, seams)
    // An answer that ends before the caller's text does must not leave with its finish reason.
    if (ends(json)) for (const seam of Object.values(seams)) seam.end()
    yield { ...event, json }
  }
}

type Json = Extract<BackendEvent, { type: 'chunk' }>['json']

function ends(json: Json): boolean {
  return (
    'object' in json &&
    json.object === 'chat.completion.chunk' &&
    json.choices.some(({ finish_reason: finish }) => finish !== null)
  )
}

function rest(
  json: Json,
  seams: Readonly<Record<'content' | 'reasoning_content', ResumeSeam>>,
): Json {
  if (!('object' in json) || json.object !== 'chat.completion.chunk') return json
  const choices = json.choices.map((choice) => {
    const delta = { ...choice.delta }
    for (const name of ['content', 'reasoning_content'] as const) {
      const sent = delta[name]
      if (typeof sent === 'string') delta[name] = seams[name].pass(sent)
    }
    return { ...choice, delta }
  })
  return { ...json, choices }
}

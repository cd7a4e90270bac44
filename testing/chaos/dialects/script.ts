import type { Script } from '../../../backend/index.ts'
import type { InferenceRequest } from '../../../protocol/index.ts'
import { WEATHER } from './question.ts'

const THOUGHT = 'The user wants to know something.'

/** How a scripted engine answers a question in its shape. @param thinks reasons before each answer */
export function scriptFor({ kind, body }: InferenceRequest, thinks: boolean): Script | undefined {
  if (kind !== 'chat') return undefined
  const thought = thinks ? { reasoning: THOUGHT } : {}
  const asked = JSON.stringify(body.messages.at(-1)?.content ?? '')
  const cities = /weather in ([^?]+)\?/.exec(asked)?.[1]?.split(/, | and /) ?? []
  if (cities.length === 0 || (body.tools ?? []).length === 0) return thought
  const toolCalls = cities.map((city) => ({
    name: WEATHER.name,
    arguments: JSON.stringify({ city }),
  }))
  return { ...thought, toolCalls }
}

import type { JsonBody } from '../http/index.ts'

/** Marks of an answer that is to be continued: a final assistant message means that without them. */
const MARKS = ['prefix', 'partial'] as const

/** A request in which a mark of another API is left out where it says what is meant anyway. */
export function withoutMarks(asked: JsonBody): JsonBody {
  const { messages, continue_final_message: goesOn, add_generation_prompt: begins } = asked
  if (!Array.isArray(messages)) return asked
  const last: unknown = messages.at(-1)
  if (!isAnswer(last)) return asked
  const isMarked = MARKS.some((mark) => last[mark] === true)
  return {
    ...asked,
    ...(isMarked && { messages: [...messages.slice(0, -1), unmarked(last)] }),
    ...(goesOn === true && { continue_final_message: null }),
    ...(goesOn === true && begins === false && { add_generation_prompt: null }),
  }
}

function isAnswer(message: unknown): message is Readonly<Record<string, unknown>> {
  return typeof message === 'object' && message !== null && 'role' in message
    ? message.role === 'assistant'
    : false
}

function unmarked(message: Readonly<Record<string, unknown>>): object {
  const isMark = (field: string, value: unknown) =>
    value === true && MARKS.some((mark) => mark === field)
  return Object.fromEntries(
    Object.entries(message).filter(([field, value]) => !isMark(field, value)),
  )
}

import { type Json, WrongShape } from './field.ts'

/** Of a message; those without text of the answer, too. */
const KNOWN: ReadonlySet<string> = new Set([
  ...['role', 'content', 'refusal', 'tool_calls', 'function_call', 'reasoning_content'],
  ...['reasoning', 'thinking', 'reasoning_text', 'reasoning_details', 'annotations', 'citations'],
  ...['name', 'id', 'tool_call_id', 'provider_specific_fields', 'reasoning_opaque', 'signature'],
  'status',
])

/** Adds the paths of a message's fields that have something in them and are not read. */
export function noteUnread(message: Json, path: string, unread: Set<string>): void {
  for (const field in message) {
    if (!KNOWN.has(field) && holdsMore(message[field])) unread.add(`${path}.${field}`)
  }
}

function holdsMore(value: unknown): boolean {
  return typeof value === 'string' ? value !== '' : typeof value === 'object' && value !== null
}

/**
 * For an answer that ends empty: beside a field that was not read, that is not what the engine said.
 *
 * @throws InferenceError `engine_failed`
 */
export function requireRead(unread: ReadonlySet<string>): void {
  const [first] = unread
  if (first === undefined) return
  const field = first.slice(0, 80)
  throw new WrongShape(
    `the engine sent an answer without text or calls, but with '${field}', which is not known`,
    field,
  )
}

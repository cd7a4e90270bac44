import { InferenceError } from '../../protocol/index.ts'

/**
 * The arguments of a tool call as the object that some dialects want; none are an empty one.
 *
 * @throws InferenceError `malformed` where the model wrote something else
 */
export function toolInput(name: string, text: string): Record<string, unknown> {
  let input: unknown
  try {
    input = text.trim() === '' ? {} : JSON.parse(text)
  } catch (cause) {
    throw notAnObject(name, cause)
  }
  if (typeof input === 'object' && input !== null && !Array.isArray(input)) {
    return input as Record<string, unknown>
  }
  throw notAnObject(name, undefined)
}

function notAnObject(name: string, cause: unknown): InferenceError {
  return new InferenceError(
    'malformed',
    `the model called '${name.slice(0, 80)}' with arguments that are not a JSON object`,
    { cause },
  )
}

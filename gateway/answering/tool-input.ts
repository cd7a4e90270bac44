import { depthOf, type FinishReason, InferenceError, LIMITS } from '../../protocol/index.ts'

/**
 * The arguments of a tool call as the object that some dialects require; absent arguments are an empty object.
 *
 * @throws InferenceError `malformed` if the model wrote something else
 */
export function toolInput(name: string, text: string): Record<string, unknown> {
  let input: unknown
  try {
    input = text.trim() === '' ? {} : JSON.parse(text)
  } catch (cause) {
    throw notAnObject(name, cause)
  }
  const isTooDeep = depthOf(input, LIMITS.maxJsonDepth) > LIMITS.maxJsonDepth
  if (typeof input === 'object' && input !== null && !Array.isArray(input) && !isTooDeep) {
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

/** {@link toolInput} of a truncated call: empty if the arguments are incomplete. */
export function cutToolInput(text: string): Record<string, unknown> {
  return isToolInput(text) ? toolInput('', text) : {}
}

/** Whether {@link toolInput} accepts it. */
export function isToolInput(text: string): boolean {
  try {
    toolInput('', text)
    return true
  } catch {
    return false
  }
}

/** Whether an answer was truncated, so that its last tool call may be incomplete. */
export function isCutShort(reason: FinishReason): boolean {
  return reason === 'length' || reason === 'content_filter'
}

import { depthOf, type FinishReason, InferenceError, LIMITS } from '../../protocol/index.ts'

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

/** {@link toolInput} of a call in whose middle the answer ended: empty where the arguments are not complete. */
export function cutToolInput(text: string): Record<string, unknown> {
  return isToolInput(text) ? toolInput('', text) : {}
}

/** Whether {@link toolInput} takes it. */
export function isToolInput(text: string): boolean {
  try {
    toolInput('', text)
    return true
  } catch {
    return false
  }
}

/** Whether an answer ended before the model had said what it had to say, so that its last tool call may be incomplete. */
export function isCutShort(reason: FinishReason): boolean {
  return reason === 'length' || reason === 'content_filter'
}

/**
 * Shapes of the fields that engines send: read as the engines document them, or rejected with the field and its shape.
 *
 * @example
 * function toolCalls(line: string) {
 *   const record = recordIn(line) // one JSON object
 *   return listAt(record['tool_calls'], 'tool_calls')
 * }
 *
 * @packageDocumentation
 */
export { contentAt, reasoningAt } from './content.ts'
export {
  countAt,
  flagAt,
  isAbsent,
  type Json,
  listAt,
  numberAt,
  recordAt,
  recordIn,
  textAt,
  WrongShape,
  wrongShape,
} from './field.ts'
export { finishReasonAt, fittingFinish } from './finish-reason.ts'
export { ToolCallReader } from './tool-calls.ts'
export { noteUnread, requireRead } from './unread.ts'
export { usageAt } from './usage.ts'
export { vectorsOf } from './vectors.ts'

/**
 * The text that a model writes, with the marks of its chat template: thoughts, tool calls and words told apart.
 *
 * @example
 * const thoughts = new ThoughtReader({ open: '<think>', close: '</think>' }, 'start')
 * thoughts.push('<think>\nTwo and two.\n</think>\n\nFour') // { reasoning: 'Two and two.', text: 'Four' }
 *
 * @packageDocumentation
 */
export { CallReader, type CallReaderInit } from './call-reader.ts'
export type { HeldJson } from './held-json.ts'
export { closing, switchesThinking, type ThoughtMarks, thoughtMarksOf } from './thought-marks.ts'
export { type ThoughtPlace, ThoughtReader } from './thought-reader.ts'
export { TOOL_FORMATS, type ToolFormat, toolFormatOf } from './tool-format.ts'

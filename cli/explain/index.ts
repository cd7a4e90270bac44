/**
 * The record of one request as a person reads it.
 *
 * @example
 * for (const line of timeline(event)) terminal.log(line)
 *
 * @packageDocumentation
 */
export { explain } from './explain.ts'
export { timeline } from './timeline.ts'
export { verdictWords } from './verdict-words.ts'

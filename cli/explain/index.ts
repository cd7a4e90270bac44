/**
 * The record of one request as a person reads it.
 *
 * @example
 * import type { RequestEvent } from '../../client/index.ts'
 *
 * function print(event: RequestEvent): void {
 *   for (const line of timeline(event)) console.log(line)
 * }
 *
 * @packageDocumentation
 */
export { explain } from './explain.ts'
export { shortId } from './short-id.ts'
export { timeline } from './timeline.ts'
export { verdictWords } from './verdict-words.ts'

/**
 * One try at one peer: opens the stream, sends the request, checks every frame of the answer, keeps the deadlines.
 *
 * @example
 * async function show(init: Parameters<typeof runAttempt>[0], signal: AbortSignal): Promise<void> {
 *   for await (const event of runAttempt(init, { signal })) {
 *     if (event.type === 'chunk' && event.visible) console.log(event.chunk)
 *   }
 * }
 *
 * @packageDocumentation
 */
export { AnswerCheck } from './answer-check.ts'
export type { Connect } from './open-stream.ts'
export type { Path, PathOf } from './path.ts'
export { type Answered, type AttemptEvent, runAttempt } from './peer-attempt.ts'
export { Watchdog } from './watchdog.ts'

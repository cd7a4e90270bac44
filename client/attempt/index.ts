/**
 * One try at one peer: opens the stream, sends the request, checks every frame of the answer, keeps the deadlines.
 *
 * @example
 * for await (const event of runAttempt({ peerId, connect, request, … }, { signal })) {
 *   if (event.type === 'chunk' && event.visible) show(event.chunk)
 * }
 *
 * @packageDocumentation
 */
export { AnswerCheck } from './answer-check.ts'
export { endSoon } from './end-soon.ts'
export { type Connect, openStream } from './open-stream.ts'
export { type Answered, type AttemptEvent, runAttempt } from './peer-attempt.ts'
export { Watchdog } from './watchdog.ts'

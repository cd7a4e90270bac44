/**
 * One attempt to have a request answered: the interface of attempt sources, and the source over the wire, which opens a
 * stream, sends the request, checks every frame of the answer and enforces the deadlines.
 *
 * @example
 * async function show(attempt: AttemptSource, init: AttemptInit, signal: AbortSignal): Promise<void> {
 *   for await (const events of attempt(init, { signal })) {
 *     for (const event of events) if (event.type === 'chunk' && event.visible) console.log(event.chunk)
 *   }
 * }
 *
 * @packageDocumentation
 */
export { AnswerCheck } from './answer-check.ts'
export type {
  Answered,
  AttemptEvent,
  AttemptInit,
  AttemptSource,
} from './attempt-source.ts'
export { InvalidCall } from './call-check.ts'
export { KeptStreams } from './kept-streams.ts'
export { type Connect, DialTimeout } from './open-stream.ts'
export type { Path, PathOf } from './path.ts'
export { createPeerAttempt } from './peer-attempt.ts'
export { Watchdog } from './watchdog.ts'

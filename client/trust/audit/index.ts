/**
 * Audits: records which peer wrote which tokens of an answer, has them rated by engines with the same weights, and reaches
 * a verdict on each peer.
 *
 * @example
 * import type { AnswerEvent } from '../../request/index.ts'
 *
 * function unratable(recorder: AnswerRecorder, events: readonly AnswerEvent[]) {
 *   for (const event of events) recorder.record(event)
 *   return recorder.unratable
 * }
 *
 * @packageDocumentation
 */
export { AnswerRecorder } from './answer-recorder.ts'
export { Auditor } from './auditor.ts'
export type { Oddity } from './free-checks.ts'
export { scoreAt } from './score-at.ts'

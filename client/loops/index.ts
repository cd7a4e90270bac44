/**
 * Work that goes round in circles: answers that repeat themselves, and requests that fail the same way again and again.
 *
 * @example
 * const key = requestKey(kind, body)
 * const remembered = memory.recall(key, performance.now())
 * if (remembered !== undefined) throw remembered
 *
 * @packageDocumentation
 */
export { FailureMemory } from './failure-memory.ts'
export { RepetitionDetector } from './repetition-detector.ts'
export { requestKey } from './request-key.ts'

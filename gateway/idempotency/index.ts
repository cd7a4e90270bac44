/**
 * Answers that are given again to whoever asks again with the same key.
 *
 * @packageDocumentation
 */
export { idempotency } from './idempotency.ts'

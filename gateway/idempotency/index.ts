/**
 * Replays answers to repeated requests with the same idempotency key.
 *
 * @packageDocumentation
 */
export { idempotency } from './idempotency.ts'

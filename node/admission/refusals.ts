import { InferenceError } from '../../protocol/index.ts'

/** The time for the request passed in the queue. */
export function outOfTime(): InferenceError {
  return new InferenceError(
    'deadline_exceeded',
    'the time for the request passed before a slot was free',
  )
}

/** The predicted wait is longer than the request may take. */
export function longerThanItHas(waitMs: number, retryAfterMs: number): InferenceError {
  const seconds = Math.ceil(waitMs / 1000)
  return new InferenceError(
    'over_capacity',
    `a slot is free in about ${seconds} s, which is more time than the request has`,
    { retryAfterMs },
  )
}

/** Neither a slot nor a place in the queue is free. */
export function allTaken(retryAfterMs: number): InferenceError {
  return new InferenceError('over_capacity', 'all slots and the queue are full', { retryAfterMs })
}

/** A peer with several slots gives one to a peer that has waited for its first. */
export function slotNeeded(): InferenceError {
  return new InferenceError(
    'over_capacity',
    'the slot went to a peer that had none and waited; the answer can continue elsewhere',
    { retryAfterMs: RETRY_AFTER_REVOKED_MS },
  )
}

/** The reader kept the engine waiting while other peers waited. */
export function readsTooSlowly(): InferenceError {
  return new InferenceError(
    'over_capacity',
    'the answer was read too slowly while others waited for its slot; it can continue elsewhere',
    { retryAfterMs: RETRY_AFTER_REVOKED_MS },
  )
}

/** About as long as a short answer. */
const RETRY_AFTER_REVOKED_MS = 1_000

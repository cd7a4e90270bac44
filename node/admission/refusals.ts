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
